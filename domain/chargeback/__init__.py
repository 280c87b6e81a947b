"""Chargebacks: a cardholder's bank takes a payment back."""
