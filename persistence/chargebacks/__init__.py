"""Chargebacks in PostgreSQL."""
