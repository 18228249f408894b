"""Auctions, and the conditions of trades that the continuous book did not make."""

from decimal import Decimal

import msgspec

AUCTION, BLOCK = "auction", "block"  # conditions of trades


class Auction(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="auction"
):
    """One fact of a call auction, which trades at one price at one moment.

    `phase` is `open` (announced, with its times), `indicative` (what it would give, were it held
    now) or `result`; `result` is `success`, or `failure` without a price. `highest_bid` and
    `lowest_ask` are those of the continuous book, and the price must be near `collar_price`.
    """

    phase: str
    published_at: int
    venue_event_id: int | None = None
    result: str | None = None
    price: Decimal | None = None
    quantity: Decimal | None = None
    highest_bid: Decimal | None = None
    lowest_ask: Decimal | None = None
    collar_price: Decimal | None = None
    auction_at: int | None = None
    first_indicative_at: int | None = None
    last_cancel_at: int | None = None
