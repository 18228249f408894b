"""The state of a feed that an entry of its ledger means."""

STATE_OF_ENTRY = {
    "connect": "live",
    "recovered": "live",
    "healed": "live",
    "lost": "live",
    "stale": "stale",
    "disconnect": "disconnected",
    "gap": "gap",
    "jump": "gap",
    "renumbered": "gap",
    "dropped": "gap",
}
