"""A loopback server that speaks the venues' own protocols."""
