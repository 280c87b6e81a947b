"""Foreign exchange: reference rates, and settlement in a currency that is not the order's."""
