"""Helpers that workflows are composed of; never base classes."""
