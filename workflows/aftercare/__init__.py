"""Facts that come after their process has ended."""
