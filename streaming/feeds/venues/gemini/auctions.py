"""Gemini's call auctions, and trades that its continuous book did not make. Pure.

Source: docs.gemini.com, "Market data v1", auction events, and "Market data v2", where the events of
an auction stand by themselves and name their symbol; "Block trading": a block trade is published
ten minutes after it was made, by an id of its own.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from include.market.auction import AUCTION, BLOCK, Auction
from include.market.events import Frame, Side
from include.market.time import DAY_S, TimeBound
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    Id,
    RejectedParts,
    Time,
    require_positive,
)

AnySide = Literal["buy", "sell", "auction", "block"]
CONDITIONS: dict[str, str | None] = {"auction": AUCTION, "block": BLOCK}
SIDES: dict[str, Side] = {"buy": "buy", "sell": "sell"}
_ANNOUNCED = TimeBound(ahead_s=DAY_S - 300)  # as far ahead as a record may speak of, nearly
_SUCCESS = "success"


class AuctionOpen(msgspec.Struct, frozen=True, tag_field="type", tag="auction_open"):
    """An auction is announced and takes orders."""

    auction_open_ms: Time
    auction_time_ms: Time
    first_indicative_ms: Time | None = None
    last_cancel_time_ms: Time | None = None
    symbol: str = ""

    def read(self, frame: Frame, parts: RejectedParts) -> Auction:
        """The event; a time that is not plausible is left out, and rejected."""

        def read_time(time_ms: Time | None) -> int | None:
            return (
                None if time_ms is None else parts.time_or_null(time_ms * 1000, frame, _ANNOUNCED)
            )

        return Auction(
            phase="open",
            published_at=parts.require_time(self.auction_open_ms * 1000, frame),
            auction_at=read_time(self.auction_time_ms),
            first_indicative_at=read_time(self.first_indicative_ms),
            last_cancel_at=read_time(self.last_cancel_time_ms),
        )


class _Priced(msgspec.Struct, frozen=True):
    """What an auction gives; an indicative price has names of its own in v1 alone."""

    time_ms: Time
    result: Literal["success", "failure"]
    eid: Id | None = None
    highest_bid_price: Decimal | None = None
    lowest_ask_price: Decimal | None = None
    collar_price: Decimal | None = None
    indicative_price: Decimal | None = None
    indicative_quantity: Decimal | None = None
    auction_price: Decimal | None = None
    auction_quantity: Decimal | None = None
    symbol: str = ""

    def _read(self, phase: str, frame: Frame, parts: RejectedParts) -> Auction:
        price, quantity = self.indicative_price, self.indicative_quantity
        if price is None:
            price, quantity = self.auction_price, self.auction_quantity
        if self.result == _SUCCESS:
            require_positive(price or Decimal(0), PRICE_STEP)
        return Auction(
            phase=phase,
            published_at=parts.require_time(self.time_ms * 1000, frame),
            venue_event_id=self.eid,
            result=self.result,
            price=price if self.result == _SUCCESS else None,
            quantity=parts.fitting_or_null(quantity, QUANTITY_STEP, column="quantity"),
            highest_bid=parts.fitting_or_null(
                self.highest_bid_price, PRICE_STEP, column="highest_bid"
            ),
            lowest_ask=parts.fitting_or_null(
                self.lowest_ask_price, PRICE_STEP, column="lowest_ask"
            ),
            collar_price=parts.fitting_or_null(
                self.collar_price, PRICE_STEP, column="collar_price"
            ),
        )


class AuctionIndicative(_Priced, frozen=True, tag_field="type", tag="auction_indicative"):
    """What the auction would give, were it held at this moment."""

    def read(self, frame: Frame, parts: RejectedParts) -> Auction:
        """The event; of a failure the price is left out.

        Raises:
            RejectedFrame: its time or its price makes no sense.
        """
        return self._read("indicative", frame, parts)


class AuctionResult(_Priced, frozen=True, tag_field="type", tag="auction_result"):
    """What the auction gave."""

    def read(self, frame: Frame, parts: RejectedParts) -> Auction:
        """The event; of a failure the price is left out.

        Raises:
            RejectedFrame: its time or its price makes no sense.
        """
        return self._read("result", frame, parts)


AuctionEvent = AuctionOpen | AuctionIndicative | AuctionResult
AUCTION_TYPES = {"auction_open", "auction_indicative", "auction_result"}
