"""The panels of the page, one module each: what it computes, its heading, and its figure."""

from streaming.dashboard.panels import (
    account,
    auctions,
    book,
    compare,
    contract,
    flow,
    impact,
    outlook,
    price,
    ratio,
    status,
)
from streaming.dashboard.view import PanelModule

PANELS: dict[str, PanelModule] = {
    "status": status,
    "price": price,
    "outlook": outlook,
    "book": book,
    "flow": flow,
    "ratio": ratio,
    "account": account,
    "impact": impact,
    "compare": compare,
    "contract": contract,
    "auctions": auctions,
}
"""The registry, in the order of the page: a panel is a module and an entry here."""
