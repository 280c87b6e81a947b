"""Composition: the one room that knows every other."""
