"""One folder a venue, named as in `include/market/venues.py`, and the polled price suppliers.

A folder's `__init__` has `stream_specs(its settings, symbols)`, the connections to keep, and
`refill(rest)`, how its REST lists past trades (absent where it is healed never). The registry
finds both by the venue's name.
"""
