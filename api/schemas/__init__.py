"""The forms in which things are asked for and shown over HTTP."""
