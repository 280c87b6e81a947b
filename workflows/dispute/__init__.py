"""The life of one dispute."""
