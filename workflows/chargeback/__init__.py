"""The life of one chargeback, from the bank's claim to its verdict."""
