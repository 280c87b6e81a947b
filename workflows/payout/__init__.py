"""Payouts, one by one and cycle by cycle."""
