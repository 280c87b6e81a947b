"""The outside world, by capability; each room has a port and the vendors that keep it."""
