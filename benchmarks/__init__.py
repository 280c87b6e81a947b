"""What an order costs, how fast it goes, and what bounds that: measured side by side."""
