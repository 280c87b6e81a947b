"""The life of one purchase over several sellers."""
