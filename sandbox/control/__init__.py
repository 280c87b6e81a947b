"""How a person or a test plays the world: instants, faults, the books, and a page."""
