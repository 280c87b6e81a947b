"""What runs on a schedule: the sweep, and the check of the books."""
