"""Disputes in the database."""
