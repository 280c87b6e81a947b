"""Parcels: numbers, milestones, addresses."""
