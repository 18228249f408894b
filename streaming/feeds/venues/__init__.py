"""One module a venue: its decoder and how to subscribe."""
