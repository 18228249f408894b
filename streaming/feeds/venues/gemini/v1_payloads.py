"""The messages of Gemini's market data v1, as it sends them.

Source: docs.gemini.com, "Market Data v1" (archived, still served).
"""

from decimal import Decimal
from typing import Literal

import msgspec

from include.market.events import BookChange
from streaming.feeds.decoding import Id, Time
from streaming.feeds.venues.gemini.auctions import AUCTION_TYPES, AuctionEvent


class V1Trade(msgspec.Struct, frozen=True, tag_field="type", tag="trade"):
    """A trade of the continuous book, or that of an auction."""

    tid: Id
    price: Decimal
    amount: Decimal
    makerSide: Literal["bid", "ask", "auction"]


class V1BlockTrade(msgspec.Struct, frozen=True, tag_field="type", tag="block_trade"):
    """A trade that was negotiated outside the book; without `tid` its event's id is its own."""

    price: Decimal
    amount: Decimal
    tid: Id | None = None


V1Event = BookChange | V1Trade | V1BlockTrade | AuctionEvent


class Update(msgspec.Struct, frozen=True, tag_field="type", tag="update"):
    """A venue's change has the shape of a BookChange, so it is decoded as one."""

    eventId: Id
    socket_sequence: Id
    events: tuple[V1Event, ...]
    timestampms: Time | None = None


class V1Heartbeat(msgspec.Struct, frozen=True, tag_field="type", tag="heartbeat"):
    """The connection lives."""

    socket_sequence: Id
    timestampms: Time | None = None


class Numbered(msgspec.Struct, frozen=True):
    """Any frame of a kind that is not known here, as long as it is numbered."""

    type: str
    socket_sequence: Id
    eventId: Id = 0
    timestampms: Time | None = None
    events: tuple[msgspec.Raw, ...] = ()


class Named(msgspec.Struct, frozen=True):
    """What kind of frame or event it is."""

    type: str


frame_decoder: msgspec.json.Decoder[Update | V1Heartbeat] = msgspec.json.Decoder(
    Update | V1Heartbeat
)
numbered_decoder = msgspec.json.Decoder(Numbered)
kind_decoder = msgspec.json.Decoder(Named)
event_decoder: msgspec.json.Decoder[V1Event] = msgspec.json.Decoder(V1Event)
APART = {"trade", "block_trade", *AUCTION_TYPES}  # one that makes no sense is rejected by itself
