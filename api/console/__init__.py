"""The console: pages over the same functions that the HTTP API calls."""
