"""Pictures of a market that come late, twice or numbered anew: the newest alone is published."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from include.market.events import LedgerEntry
from streaming.feeds.decoding import Decoder
from streaming.feeds.venues.binance.decoder import BinanceDecoder
from streaming.feeds.venues.deribit.decoder import DeribitDecoder
from streaming.feeds.venues.gemini.current import GeminiCurrentDecoder
from tests.support.venue_frames import AT_MS, best_prices, decode, deribit_picture, text

Picture = Callable[[int, int], bytes]  # of a number, made so many ms after AT_MS


def _gemini(number: int, ms: int) -> bytes:
    best = {"u": number, "E": (AT_MS + ms) * 1_000_000, "s": "btcusd", "b": str(number)}
    return text(best | {"B": "1", "a": "9999999", "A": "1"})


def _binance(number: int, ms: int) -> bytes:
    return best_prices(number).replace(b"25.36", b"9999999").replace(b"25.35", b"%d" % number)


def _deribit(number: int, ms: int) -> bytes:
    picture = deribit_picture(number, bid=str(number), ms=AT_MS + ms)
    return picture.replace(b"200.0", b"9999999")


DECODERS: dict[str, tuple[Callable[[dict[str, int]], Decoder], Picture]] = {
    "gemini": (
        lambda ids: GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c", last_ids=ids),
        _gemini,
    ),
    "binance": (
        lambda ids: BinanceDecoder(symbols=("BTC-USDT",), conn="c", last_ids=ids),
        _binance,
    ),
    "deribit": (
        lambda ids: DeribitDecoder(
            instruments={"BTC-PERPETUAL": "BTC-PERPETUAL"}, conn="c", last_ids=ids
        ),
        _deribit,
    ),
}
VENUES = pytest.mark.parametrize("venue", DECODERS)


def published(
    venue: str, *pictures: tuple[int, int], ids: dict[str, int] | None = None
) -> tuple[list[int], list[str]]:
    """The published bids, which are the numbers, and the causes in the ledger."""
    make, picture = DECODERS[venue]
    decoder = make({} if ids is None else ids)
    messages = [m for number, ms in pictures for m in decode(decoder, picture(number, ms)).messages]
    entries = [e for m in messages for e in m.events if isinstance(e, LedgerEntry)]
    tops = [message.top for message in messages if message.kind == "book"]
    assert all(entry.detail for entry in entries)
    return [int(top.bid) for top in tops if top], [entry.cause for entry in entries]


@VENUES
@pytest.mark.parametrize(
    "late", [(999, 1), (998, 1), (1000, 2), (900, 0)], ids=["before", "older", "same", "much older"]
)
def test_a_late_picture_does_not_move_the_top_backwards(venue: str, late: tuple[int, int]) -> None:
    bids, causes = published(venue, (1000, 2), late, (1001, 3))
    assert bids == [1000, 1001]
    assert causes == ([] if late[0] == 1000 else ["unconfirmed"])


@VENUES
def test_a_repeated_picture_is_published_once(venue: str) -> None:
    bids, causes = published(venue, (1000, 1), (1001, 2), (1000, 1), (1001, 2), (1000, 1))
    assert (bids, causes) == ([1000, 1001], [])


@VENUES
def test_late_pictures_in_a_row_do_not_move_the_top_backwards(venue: str) -> None:
    late = [(990 + n, n) for n in range(9)]
    assert published(venue, (1000, 10), *late, (1001, 11))[0] == [1000, 1001]


@VENUES
@pytest.mark.parametrize("last", [1000, 9_000_000])
def test_numbers_that_begin_anew_are_in_the_ledger_and_go_on(venue: str, last: int) -> None:
    bids, causes = published(venue, (last, 1), *((5 + n, 2 + n) for n in range(4)))
    assert bids == [last, 6, 7, 8]
    assert causes == ["unconfirmed", "begins_again"]


@VENUES
def test_numbers_that_began_anew_between_two_connections_are_in_the_ledger(venue: str) -> None:
    ids: dict[str, int] = {}
    published(venue, (5000, 1), ids=ids)
    assert published(venue, (5, 2), (6, 3), ids=ids) == ([6], ["unconfirmed", "begins_again"])


@VENUES
def test_a_number_that_leaps_is_in_the_ledger_and_freezes_nothing(venue: str) -> None:
    make, picture = DECODERS[venue]
    decoder = make({})
    wild = picture(1, 2).replace(*_renumbered(venue, 1, 2**62))
    decode(decoder, picture(1000, 1))
    ledger, _ = decode(decoder, wild).messages
    assert [e.entry for e in ledger.events if isinstance(e, LedgerEntry)] == ["jump"]
    decode(decoder, picture(1001, 3))
    (*_, book) = decode(decoder, picture(1002, 4)).messages
    assert book.top is not None and book.top.bid == Decimal(1002)


def _renumbered(venue: str, number: int, to: int) -> tuple[bytes, bytes]:
    name = "change_id" if venue == "deribit" else "u"
    return b'"%s":%d' % (name.encode(), number), b'"%s":%d' % (name.encode(), to)


def test_an_empty_side_of_the_current_gemini_is_no_top() -> None:
    decoder = DECODERS["gemini"][0]({})
    empty = _gemini(5, 1).replace(b'"b":"5","B":"1"', b'"b":"0","B":"0"')
    (book,) = decode(decoder, empty).messages
    assert (book.kind, book.top) == ("book", None)
