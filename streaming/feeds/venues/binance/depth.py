"""The book of one Binance symbol: updates numbered `U` to `u`, chained to REST's snapshot. Pure.

Source: binance/binance-spot-api-docs, web-socket-streams.md (2025-11-12), "How to manage a local
order book correctly". Updates that come before the snapshot are kept until it is there.
"""

from collections import deque
from decimal import Decimal

import msgspec

from include.market.book import Book
from include.market.events import INITIAL, BookChange, BookSide, LedgerEntry, Top
from include.market.levels import Level
from include.market.numerals import ZERO
from include.market.venues import BEGINS_AGAIN
from streaming.feeds.decoding import (
    ORDINARY,
    PRICE_STEP,
    QUANTITY_STEP,
    Id,
    PageRequest,
    Time,
    parse,
    require_not_negative,
    require_positive,
)

PAGE = 5000  # levels a side, the most that REST gives
PAGES_PER_MINUTE = 10  # less than half of what one address may ask for: 250 of 6,000 a page
SNAPSHOT_KIND = "depthSnapshot"  # the stream that fetched snapshots are framed as
AGAIN_S = 1.0  # after a snapshot older than the first update
REJECTED_S = 30.0  # after one that makes no sense
_MAX_WAITING = 3000  # updates kept for a snapshot: five minutes of them
_RECENT = 64  # updates remembered, to recognise repeats


class DepthUpdate(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="depthUpdate"):
    """`@depth`: what changed on the levels; quantities are absolute, 0 removes the level."""

    E: Time
    s: str
    U: Id
    u: Id
    b: tuple[Level, ...]
    a: tuple[Level, ...]


class DepthSnapshot(msgspec.Struct, frozen=True, gc=False):
    """REST's book after the update `lastUpdateId`."""

    lastUpdateId: Id
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class FramedSnapshot(msgspec.Struct, frozen=True):
    """A fetched snapshot as a frame: the name of its stream has the symbol that it lacks."""

    stream: str
    data: DepthSnapshot


_framed = msgspec.json.Decoder(FramedSnapshot)


def spelling_of_snapshot(data: bytes) -> str | None:
    """The venue's symbol of a framed snapshot; null of any other frame."""
    name, mark, _ = data[:80].removeprefix(b'{"stream":"').partition(f'@{SNAPSHOT_KIND}"'.encode())
    return name.decode(errors="replace").upper() if mark else None


def read_snapshot(data: bytes) -> DepthSnapshot:
    """The snapshot of a frame, with numbers that fit.

    Raises:
        RejectedFrame: it is none, or a number does not fit.
    """
    snapshot = parse(_framed.decode, data).data
    for level in (*snapshot.bids, *snapshot.asks):
        _require_level(*level)
    return snapshot


def changes_of(depth: DepthUpdate) -> tuple[BookChange, ...]:
    """The changes of an update.

    Raises:
        RejectedFrame: a number does not fit.
    """
    changes = []
    sides: tuple[tuple[BookSide, tuple[Level, ...]], ...] = (("bid", depth.b), ("ask", depth.a))
    for side, levels in sides:
        for price, quantity in levels:
            _require_level(price, quantity)
            changes.append(BookChange(side, price, quantity, None, None, depth.u))
    return tuple(changes)


class DepthBook:
    """One symbol's book: invalid until a snapshot that the updates follow, and after a hole.

    `last_id` is the last update that it has; `awaits_snapshot`: one was asked for, and is not here.
    """

    def __init__(self, rest_url: str, spelling: str) -> None:
        """Ask the REST at this base for snapshots of the venue's symbol."""
        self._rest_url, self._spelling = rest_url, spelling
        self._book = Book()
        self.last_id: int | None = None
        self._older_until = -1  # updates up to here are in the snapshot
        self._waiting: deque[tuple[DepthUpdate, tuple[BookChange, ...]]] = deque(
            maxlen=_MAX_WAITING
        )
        self._recent: deque[int] = deque(maxlen=_RECENT)
        self._is_broken = False
        self.awaits_snapshot = False

    def top(self) -> Top | None:
        """Best bid and ask, null while the book is invalid."""
        return self._book.top()

    @property
    def needs_snapshot(self) -> bool:
        """Whether a snapshot is missing that nobody has asked for."""
        return not self._book.valid and not self.awaits_snapshot

    def request_snapshot(self, *, after_s: float = 0.0) -> PageRequest:
        """What asks REST for a snapshot."""
        self.awaits_snapshot = True
        url = f"{self._rest_url}/api/v3/depth?symbol={self._spelling}&limit={PAGE}"
        return PageRequest(url, f"{self._spelling.lower()}@{SNAPSHOT_KIND}", after_s)

    def is_repeated(self, depth: DepthUpdate) -> bool:
        """Whether the update was taken before, or is in the snapshot."""
        return depth.u in self._recent or depth.u <= self._older_until

    def hole_before(self, depth: DepthUpdate) -> LedgerEntry | None:
        """The ledger entry of what lacks before an update that is not repeated."""
        last_id = self.last_id
        if last_id is None or depth.U <= last_id + 1 <= depth.u:
            return None
        if depth.u <= last_id:
            detail = f"update {depth.u} after {last_id}"
            return LedgerEntry("renumbered", BEGINS_AGAIN, detail=detail)
        detail = f"update {depth.U} where {last_id + 1} was due"
        return LedgerEntry("gap", "broken_chain", detail=detail)

    def take(self, depth: DepthUpdate, changes: tuple[BookChange, ...], *, follows: bool) -> None:
        """Take an update that follows the last, or leaves a hole: then a new snapshot is due."""
        if not follows:
            self._book.invalidate()
            self._waiting.clear()
            self._is_broken = True
        if self._book.valid:
            for change in changes:
                self._book.apply(change)
        else:
            self._waiting.append((depth, changes))
        self.last_id, self._older_until = depth.u, -1
        self._recent.append(depth.u)

    def is_too_old(self, snapshot: DepthSnapshot) -> bool:
        """Whether changes may lack between a snapshot and the first update that is kept."""
        return bool(self._waiting) and snapshot.lastUpdateId + 1 < self._waiting[0][0].U

    def chain(self, snapshot: DepthSnapshot) -> tuple[tuple[BookChange, ...], bool]:
        """Begin with a snapshot and what came after it; the levels, and whether a hole ends."""
        quantities: dict[tuple[BookSide, Decimal], Decimal] = {}
        quantities.update({("bid", price): quantity for price, quantity in snapshot.bids})
        quantities.update({("ask", price): quantity for price, quantity in snapshot.asks})
        for depth, changes in self._waiting:
            if depth.u > snapshot.lastUpdateId:
                quantities.update({(c.side, c.price): c.remaining for c in changes})
        if snapshot.lastUpdateId > (self.last_id or -1):
            self.last_id = self._older_until = snapshot.lastUpdateId
        levels = tuple(
            BookChange(side, price, quantity, None, INITIAL, self.last_id)
            for (side, price), quantity in quantities.items()
            if quantity
        )
        self._book.reset(levels)
        self._waiting.clear()
        was_broken, self._is_broken, self.awaits_snapshot = self._is_broken, False, False
        return levels, was_broken


def _require_level(price: Decimal, quantity: Decimal) -> None:
    has_steps = price.same_quantum(PRICE_STEP) and quantity.same_quantum(PRICE_STEP)
    if has_steps and ZERO < price < ORDINARY and ZERO <= quantity < ORDINARY:
        return  # eight decimals, as Binance writes both
    require_positive(price, PRICE_STEP)
    require_not_negative(quantity, QUANTITY_STEP)
