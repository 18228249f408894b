"""From an order back to all that made it, and whether it follows from that."""
