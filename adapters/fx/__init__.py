"""Where reference rates come from."""
