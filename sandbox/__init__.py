"""A stand-in world: providers that speak their real dialects, with books of their own."""
