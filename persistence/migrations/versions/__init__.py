"""The versions, oldest first; one that has landed is never edited."""
