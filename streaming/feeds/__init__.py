"""Supervised connections to venues: `python -m streaming.feeds VENUE`."""
