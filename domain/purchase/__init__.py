"""The purchase over several sellers: one payment, one order per seller."""
