"""One step each: the outside effect through its port, and the transaction around it."""
