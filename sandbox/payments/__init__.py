"""The payment provider: Stripe's HTTP API, as its official client sees it."""
