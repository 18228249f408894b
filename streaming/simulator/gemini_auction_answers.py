"""The simulated Gemini's answers about auctions: the one that is open, and those before it. Pure.

Source: docs.gemini.com, "Auction APIs".
"""

from streaming.simulator.gemini_auctions import AUCTION, INDICATIVE, INDICATIVE_S, PERIOD_S
from streaming.simulator.json_fields import Fields
from streaming.simulator.order_book import BookEvent


def describe_current(published: list[BookEvent], now_s: int) -> Fields:
    """The fields by which REST describes the auction that is open, and the one before it."""
    next_s = (now_s // PERIOD_S + 1) * PERIOD_S
    fields: Fields = {
        "next_auction_ms": next_s * 1000,
        "next_update_ms": (now_s // INDICATIVE_S + 1) * INDICATIVE_S * 1000,
    }
    results = [event for event in published if event["type"] == AUCTION]
    if results:
        fields |= {"last_auction_eid": results[-1]["eid"]}
    if published and published[-1]["type"] == INDICATIVE:
        return fields | _prefix_fields("most_recent", "indicative", published[-1])
    return fields | _prefix_fields("last", "auction", results[-1]) if results else fields


def _prefix_fields(prefix: str, name: str, priced: BookEvent) -> Fields:
    sides = ("highest_bid_price", "lowest_ask_price", "collar_price")
    own_fields = (f"{name}_price", f"{name}_quantity")
    return {f"{prefix}_{field}": priced[field] for field in (*own_fields, *sides)}


def describe_past(priced: BookEvent) -> Fields:
    """An auction's event as the history of REST has it."""
    name = "auction" if priced["type"] == AUCTION else "indicative"
    time_ms = int(str(priced["time_ms"]))
    return {
        "auction_id": -(-time_ms // (PERIOD_S * 1000)),
        "auction_price": priced[f"{name}_price"],
        "auction_quantity": priced[f"{name}_quantity"],
        "eid": priced["eid"],
        "highest_bid_price": priced["highest_bid_price"],
        "lowest_ask_price": priced["lowest_ask_price"],
        "collar_price": priced["collar_price"],
        "auction_result": priced["result"],
        "timestamp": time_ms // 1000,
        "timestampms": time_ms,
        "event_type": name,
    }
