"""Measured figures of Tickhouse, each beside its peer: what `./tickhouse bench` runs."""
