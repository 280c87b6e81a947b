"""Documents that are made for people outside."""
