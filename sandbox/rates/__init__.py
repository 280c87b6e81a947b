"""The central bank that publishes what one euro is worth."""
