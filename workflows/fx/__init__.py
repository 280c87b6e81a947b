"""What keeps the reference rates new."""
