"""Carriers and trackers: the port and the vendors that keep it."""
