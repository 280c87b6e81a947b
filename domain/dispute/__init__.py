"""A dispute about lines of an order: from its opening to a verdict that is paid."""
