"""The order: its axes, the rules over them, and the postings its money makes."""
