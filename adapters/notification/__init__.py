"""Words to people: the port and the ways they go out."""
