"""Payouts: a payable balance on its way to the bank."""
