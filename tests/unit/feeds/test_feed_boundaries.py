"""Off by one in the feeds: a hole's first and last trade, repeats, chains, a spool's records."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from include.bus.spool import Spool
from include.bus.spool_segment import SpooledRecord
from include.market.events import BookChange, Frame, LedgerEntry, Message, Trade
from include.market.venue_settings import Venues
from streaming.feeds.fetch import Reply
from streaming.feeds.healer import Healer, Hole
from streaming.feeds.registry import refills
from streaming.feeds.venues.deribit.decoder import DeribitDecoder
from streaming.feeds.venues.gemini.current import GeminiCurrentDecoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder

D = Decimal
MS = 1_763_640_000_000
NAME = "BTC-PERPETUAL"


class ListingVenue:
    """Lists trades as the venues' REST does: Gemini those after an id, Binance from one on."""

    def __init__(self, ids: range, *, page: int = 500) -> None:
        self.ids, self.page, self.asked = ids, page, list[str]()

    async def fetch(self, url: str, _headers: Mapping[str, str]) -> Reply:
        self.asked.append(url)
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if "since_tid" in query:
            ids = [number for number in self.ids if number > int(query["since_tid"])]
            rows = [
                {"tid": n, "timestampms": MS, "price": "1", "amount": "1", "type": "buy"}
                for n in ids
            ]
        else:
            ids = [number for number in self.ids if number >= int(query["fromId"])]
            rows = [
                {"a": n, "p": "1", "q": "1", "f": n, "l": n, "T": MS, "m": True, "M": True}
                for n in ids
            ]
        return Reply(200, json.dumps(rows[: self.page]).encode())


async def heal(hole: Hole, venue: ListingVenue) -> list[int]:
    """The ids that healing publishes for this hole."""
    published: list[Message] = []

    class Lake:
        """Lands everything at once."""

        def open_holes(self) -> list[Hole]:
            return [hole]

        def landed_numbers(self, _hole: Hole) -> set[int]:
            return {number for message in published for number in numbers([message])}

    healer = Healer(
        lake=Lake(),
        refills=refills(Venues()),
        fetch=venue.fetch,
        publish=published.append,
        flush=lambda: None,
        now_us=lambda: MS * 1000,
        conn="heal-1",
        wait_s=5,
    )
    await healer.run()
    return numbers(published)


def numbers(messages: list[Message]) -> list[int]:
    return [
        int(event.trade_id)
        for message in messages
        for event in message.events
        if isinstance(event, Trade)
    ]


@pytest.mark.parametrize(("venue", "symbol"), [("gemini", "BTC-USD"), ("binance", "BTC-USDT")])
async def test_the_first_and_the_last_trade_of_a_hole_are_refilled_and_no_others(
    venue: str, symbol: str
) -> None:
    published = await heal(Hole(venue, symbol, 40, 45), ListingVenue(range(1, 100)))
    assert published == [40, 41, 42, 43, 44, 45]


async def test_no_trade_of_a_hole_is_asked_for_twice() -> None:
    venue = ListingVenue(range(1, 100), page=2)
    assert await heal(Hole("binance", "BTC-USDT", 40, 43), venue) == [40, 41, 42, 43]
    firsts = [parse_qs(urlsplit(url).query)["fromId"] for url in venue.asked]
    assert firsts == [["40"], ["42"]]


def gemini_v1(event_id: int) -> bytes:
    return b'{"type":"update","eventId":%d,"socket_sequence":0,"timestampms":%d,"events":[]}' % (
        event_id,
        MS,
    )


@pytest.mark.parametrize(("event_id", "holes"), [(100, []), (101, [(101, 101)])])
def test_a_gemini_connection_that_begins_where_the_last_ended_has_no_hole(
    event_id: int, holes: list[tuple[int, int]]
) -> None:
    decoder = GeminiV1Decoder(symbol="BTC-USD", conn="c", last_ids={"BTC-USD": 100})
    messages = decoder.decode(Frame(gemini_v1(event_id), MS * 1000)).messages
    entries = [event for message in messages for event in message.events]
    gaps = [(e.first_seq, e.last_seq) for e in entries if isinstance(e, LedgerEntry)]
    assert gaps == holes


def test_a_book_update_of_gemini_that_comes_twice_is_taken_once() -> None:
    decoder = GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c", last_ids=None)
    update = (
        b'{"e":"depthUpdate","E":%d,"s":"btcusd","U":%d,"u":%d,"b":[["45000.5","1.25"]],'
        b'"a":[["45001.00","0.75"]]}'
    )
    counts = [
        len(decoder.decode(Frame(update % (MS * 1_000_000, first, last), MS * 1000)).messages)
        for first, last in [(10, 12), (13, 15), (13, 15), (14, 15), (16, 16)]
    ]
    assert counts == [1, 1, 0, 0, 1]


def deribit(kind: str, ids: Mapping[str, int], bids: object) -> Frame:
    data = {
        "type": kind,
        "timestamp": MS,
        "instrument_name": NAME,
        "bids": bids,
        "asks": [["new", 101.0, 30.0]] if kind == "snapshot" else [],
        **ids,
    }
    params = {"channel": f"book.{NAME}.100ms", "data": data}
    text = json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params})
    return Frame(text.encode(), MS * 1000)


@pytest.mark.parametrize("previous", [9, 24, 26])
def test_a_deribit_change_that_follows_another_one_than_the_last_breaks_the_book(
    previous: int,
) -> None:
    decoder = DeribitDecoder(instruments={NAME: NAME}, conn="c")
    decoder.decode(deribit("snapshot", {"change_id": 25}, [["new", 100.0, 20.0]]))
    change = deribit("change", {"prev_change_id": previous, "change_id": 27}, [["new", 99.0, 1.0]])
    decoded = decoder.decode(change)
    assert decoded.resync or decoded.requests
    assert [m.top for m in decoded.messages if m.kind == "book"] in ([], [None])


def test_a_deleted_level_has_nothing_left_whatever_amount_comes_with_it() -> None:
    decoder = DeribitDecoder(instruments={NAME: NAME}, conn="c")
    decoder.decode(deribit("snapshot", {"change_id": 1}, [["new", 100.0, 20.0]]))
    change = deribit("change", {"prev_change_id": 1, "change_id": 2}, [["delete", 100.0, 20.0]])
    (message,) = decoder.decode(change).messages
    (deletion,) = message.events
    assert isinstance(deletion, BookChange) and deletion.remaining == 0
    assert message.top is None  # no bid is left


def record(number: int) -> SpooledRecord:
    return SpooledRecord("market.trades", b"k", b"value %d" % number)


@pytest.mark.parametrize("part", [b"market.trades", b"value 3"])
def test_a_record_with_one_bit_flipped_is_not_sent(tmp_path: Path, part: bytes) -> None:
    spool = Spool(tmp_path / "a.spool", max_bytes=10_000)
    for number in range(6):
        spool.append(record(number))
    spool.close()
    (path,) = (path for path in (tmp_path / "a.spool").iterdir() if path.name.isdecimal())
    data = bytearray(path.read_bytes())
    end = data.index(b"value 3") + len(b"value 3")
    data[data.rindex(part, 0, end)] ^= 1
    path.write_bytes(data)
    values = [one.value for one in Spool(tmp_path / "a.spool", max_bytes=10_000)]
    assert values[:3] == [record(number).value for number in range(3)]
    assert set(values) <= {record(number).value for number in range(6)} - {b"value 3"}


def test_a_process_that_dies_goes_on_behind_what_was_released(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.spool", max_bytes=10_000)
    for number in range(6):
        spool.append(record(number))
    for _ in range(4):
        spool.take()
    spool.release(3)
    spool.sync()  # and then it is killed: nothing is closed
    assert list(Spool(tmp_path / "a.spool", max_bytes=10_000)) == [record(n) for n in (3, 4, 5)]
