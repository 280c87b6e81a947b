"""The order of events and the waiting."""
