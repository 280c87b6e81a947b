"""Orders of the past, driven through their whole life in virtual time."""
