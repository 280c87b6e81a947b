"""The tracking provider: EasyPost's trackers, as its official client sees them."""
