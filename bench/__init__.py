"""Measured figures, beside a peer where there is one: what `./tickhouse bench` runs."""
