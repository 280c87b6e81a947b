"""Payment providers: the port and the vendors that keep it."""
