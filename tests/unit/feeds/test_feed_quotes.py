"""Polled suppliers: prices read, errors refused, limits kept; then all of them in the simulator."""

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from include.errors import RejectedFrame, Unreachable
from include.market.events import Frame, LedgerEntry, Message, Quote, Ticker
from include.market.time import USUAL_BOUND
from include.market.venue_settings import GeminiSettings, Venues
from include.rate_limiter import RateLimiter
from include.setting_fields import Secret
from include.settings import load
from streaming.feeds.decoding import RejectedParts
from streaming.feeds.fetch import Reply, open_fetch
from streaming.feeds.poller import Poller
from streaming.feeds.venues.suppliers import Supplier, list_suppliers
from streaming.simulator.__main__ import make_application

ALL, _ = list_suppliers(Venues(cryptocompare_key=Secret("k-for-tests")))
BY_NAME = {supplier.venue: supplier for supplier in ALL}
GOOD = {
    "coinbase": b'{"ask":"6269","bid":"6268","trade_id":86326522,"price":"6268.48",'
    b'"time":"2025-03-20T00:22:57.833897Z"}',
    "bitstamp": b'{"timestamp":"1763700000","last":"6268.48","side":"0"}',
    "kraken": b'{"error":[],"result":{"XXBTZUSD":{"a":["1","1","1"],"c":["6268.48","0.1"]}}}',
    "gemini": b'{"bid":"1","ask":"2","last":"6268.48","volume":{"BTC":"1","timestamp":1}}',
    "cryptocompare": b'{"USD":6268.48,"EUR":63304.20}',
}


def read(venue: str, body: bytes, symbol: str = "BTC-USD") -> Message:
    return BY_NAME[venue].quote(Frame(body, received_time=5), symbol=symbol, conn="c")


@pytest.mark.parametrize("venue", GOOD)
def test_each_supplier_gives_the_exact_price_in_its_currency(venue: str) -> None:
    message = read(venue, GOOD[venue])
    assert (message.venue, message.kind, message.symbol, message.received_time) == (
        venue,
        "quote",
        "BTC-USD",
        5,
    )
    assert message.events == (Quote(Decimal("6268.48"), "USD"),)
    times = {"coinbase": 1742430177833897, "bitstamp": 1763700000000000}
    assert message.venue_time == times.get(venue)


PUBTICKER = (
    b'{"ask":"11388.08","bid":"11381.50","last":"11381.47","volume":{"BTC":"915.6534281291",'
    b'"USD":"10394749.062345678912","timestamp":%b}}'
)


@pytest.mark.parametrize("time", [b"1565587800000", b'"1565587800000"'])
def test_geminis_answer_is_a_ticker_with_its_volumes_too(time: bytes) -> None:
    frame = Frame(PUBTICKER % time, received_time=1565587805000000)
    gemini, parts = BY_NAME["gemini"], RejectedParts(USUAL_BOUND)
    quote = gemini.quote(frame, symbol="BTC-USD", conn="c")
    message = gemini.ticker(frame, quote, parts)
    assert message is not None and not parts.rejected
    assert (message.kind, message.symbol, message.venue_time) == ("ticker", "BTC-USD", None)
    assert message.events == (
        Ticker(
            last=Decimal("11381.47"),
            bid=Decimal("11381.50"),
            ask=Decimal("11388.08"),
            base_volume=Decimal("915.6534281291"),
            quote_volume=Decimal("10394749.0623456789"),
            window_end=1565587800000000,
        ),
    )
    assert BY_NAME["kraken"].ticker(frame, quote, parts) is None


def unasked_poller(published: list[Message], *, unchanged_s: float = 0.0) -> Poller:
    """One of Gemini, which is given its answers."""
    return Poller(
        supplier=BY_NAME["gemini"],
        symbols=("BTC-USD", "BTC-EUR"),
        fetch=None,  # type: ignore[arg-type]
        publish=published.append,
        now_us=lambda: 0,
        conn="c",
        every_s=1,
        limiter=RateLimiter.half_rate(60),
        unchanged_s=unchanged_s,
    )


@pytest.mark.parametrize("volume", [b'{"BTC":"-1"}', b'{"BTC":"NaN"}', b'{"timestamp":1.5}', b"[]"])
def test_volumes_that_make_no_sense_leave_the_price(volume: bytes) -> None:
    body = b'{"last":"5","volume":%b}' % volume
    published: list[Message] = []
    poller = unasked_poller(published)
    poller._take("BTC-USD", Frame(body, received_time=1565587805000000))
    kinds = [message.kind for message in published]
    assert kinds.count("quote") == 1 and kinds.count("reject") == 1


def test_numbers_do_not_pass_through_float() -> None:
    body = b'{"EUR":123456789012.12345678}'  # a float would have 123456789012.12346
    (quote,) = read("cryptocompare", body, "BTC-EUR").events
    assert quote == Quote(Decimal("123456789012.12345678"), "EUR")


@pytest.mark.parametrize(
    ("venue", "body", "reason"),
    [
        ("kraken", b'{"error":["EQuery:Unknown asset pair"]}', "venue_error"),
        ("kraken", b'{"error":[],"result":{}}', "wrong_type"),
        (
            "cryptocompare",
            b'{"Response":"Error","Message":"rate","Type":99,"USD":1}',
            "venue_error",
        ),
        ("cryptocompare", b'{"Data":{},"Err":{"type":2,"message":"API key"}}', "venue_error"),
        ("cryptocompare", b'{"EUR":1}', "wrong_type"),
        ("gemini", b'{"result":"error","reason":"Bad Request","message":"no"}', "venue_error"),
        ("coinbase", b'{"message":"NotFound"}', "venue_error"),
        ("bitstamp", b'{"status":"error","reason":"Invalid pair"}', "venue_error"),
        ("bitstamp", b"<html>maintenance</html>", "not_json"),
        ("bitstamp", b'{"last":null}', "wrong_type"),
        ("bitstamp", b'{"last":"0"}', "out_of_range"),
        ("bitstamp", b'{"last":"1.123456789"}', "too_fine"),
        ("coinbase", b"", "empty"),
    ],
)
def test_an_error_with_http_200_is_not_a_price(venue: str, body: bytes, reason: str) -> None:
    with pytest.raises(RejectedFrame) as refused:
        read(venue, body)
    assert refused.value.reason == reason


@given(st.sampled_from(sorted(GOOD)), st.integers(0, 90), st.integers(0, 9), st.binary(max_size=5))
def test_mutated_answers_give_a_price_or_a_refusal(
    venue: str, at: int, cut: int, new: bytes
) -> None:
    try:
        message = read(venue, GOOD[venue][:at] + new + GOOD[venue][at + cut :])
    except RejectedFrame:
        return
    (quote,) = message.events
    assert isinstance(quote, Quote) and quote.price > 0


def test_without_a_key_one_supplier_is_left_out_and_says_so() -> None:
    polled_suppliers, left_out = list_suppliers(Venues())
    assert [one.venue for one in polled_suppliers] == ["coinbase", "bitstamp", "kraken", "gemini"]
    assert "key" in left_out["cryptocompare"]
    assert "k-for-tests" not in repr(BY_NAME["cryptocompare"])


def test_a_limiter_stays_half_rate_the_limit_and_waits_as_asked() -> None:
    limiter, now, sent = RateLimiter.half_rate(60), 0.0, 0
    while now < 600:
        now += limiter.claim(now)
        sent += now < 600
    assert 250 <= sent < 300  # ten minutes of 60 a minute are 600: under half of them
    limiter.hold(now, 30)
    assert limiter.claim(now) == pytest.approx(30)


def test_retry_after_is_seconds_or_a_date() -> None:
    assert Reply(429, b"", "7").wait_s(now_s=0, otherwise=60) == 7
    date = "Sat, 21 Nov 2026 10:00:30 GMT"
    assert Reply(429, b"", date).wait_s(now_s=1795255200, otherwise=60) == 30
    assert Reply(429, b"", "soon").wait_s(now_s=0, otherwise=60) == 60


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("date", ["Sat Nov 21 10:00:30 2026", "Sat, 21 Nov 2026 10:00:30 -0000"])
def test_a_retry_after_without_a_zone_is_utc_on_every_machine(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, date: str, zone: str
) -> None:
    request.addfinalizer(time.tzset)
    with monkeypatch.context() as patched:
        patched.setenv("TZ", zone)
        time.tzset()
        assert Reply(429, b"", date).wait_s(now_s=1795255200, otherwise=60) == 30


async def polled(replies: list[Reply | None], *, per_minute: float = 6e6) -> list[str]:
    """What a poller publishes of one supplier that answers so (null: not at all), then stops."""
    stop, published, times = asyncio.Event(), list[Message](), list[float]()
    loop = asyncio.get_running_loop()

    async def fetch(url: str, headers: Mapping[str, str]) -> Reply:
        times.append(loop.time())
        reply = replies.pop(0)
        if not replies:
            stop.set()
        if reply is None:
            raise Unreachable("refused")
        return reply

    poller = Poller(
        supplier=BY_NAME["bitstamp"],
        symbols=("BTC-USD",),
        fetch=fetch,
        publish=published.append,
        now_us=lambda: int(loop.time() * 1e6),
        conn="c",
        every_s=0.0,
        limiter=RateLimiter.half_rate(per_minute),
    )
    await asyncio.wait_for(poller.run(stop), 60)
    story = []
    for message in published:
        (one,) = message.events
        story.append(f"{one.entry} {one.cause}" if isinstance(one, LedgerEntry) else message.kind)
    waits = [after - before for before, after in pairwise(times)]
    return [*story, *(f"waited {wait:.1f}" for wait in waits if wait > 0.2)]


async def test_failures_are_reported_once_and_their_end_too() -> None:
    good = Reply(200, GOOD["bitstamp"])
    assert await polled([good, None, None, good, Reply(200, b"{}"), good]) == [
        "connect start",
        "quote",
        "disconnect refused",
        "connect answers",
        "quote",
        "reject",
        "disconnect wrong_type",
        "connect answers",
        "quote",
    ]


def test_an_answer_that_stays_the_same_is_no_quote_until_it_changes() -> None:
    published: list[Message] = []
    poller = unasked_poller(published, unchanged_s=10.0)
    first, second = b'{"last":"5"}', b'{"last":"5","bid":"4"}'
    for second_s, answer in ((0, first), (5, first), (9, first), (10, first), (11, first)):
        poller._take("BTC-USD", Frame(answer, received_time=second_s * 1_000_000))
    poller._take("BTC-EUR", Frame(first, received_time=11_000_000))
    for second_s in (12, 21):
        poller._take("BTC-USD", Frame(second, received_time=second_s * 1_000_000))
    story = [
        f"{one.entry} {one.cause}" if isinstance(one, LedgerEntry) else message.symbol
        for message in published
        for one in message.events
        if message.kind != "ticker"
    ]
    assert story == [
        "connect start",
        *["BTC-USD"] * 3,
        "disconnect the same answer for 10 s",
        "connect start",
        "BTC-EUR",
        "connect answers",
        *["BTC-USD"] * 2,
    ]
    assert poller.counts["unchanged"] == 2


async def test_retry_after_is_honoured() -> None:
    good = Reply(200, GOOD["bitstamp"])
    assert await polled([good, Reply(429, b"", "0.4"), good]) == [
        "connect start",
        "quote",
        "disconnect http 429",
        "connect answers",
        "quote",
        "waited 0.4",
    ]


async def test_a_restricted_place_is_not_asked_again() -> None:
    story = await polled([Reply(451, b""), Reply(200, GOOD["bitstamp"]), Reply(200, b"")])
    assert story == ["disconnect http 451"]


async def test_every_supplier_of_the_simulator_quotes_in_both_currencies() -> None:
    async with TestServer(make_application(load({}))) as server, open_fetch() as fetch:
        base = str(server.make_url("")).rstrip("/")
        venues = Venues(
            coinbase_rest_url=base,
            bitstamp_rest_url=base,
            kraken_rest_url=base,
            gemini=GeminiSettings(rest_url=base),
            cryptocompare_rest_url=base,
            cryptocompare_key=Secret("any"),
        )
        for supplier in list_suppliers(venues)[0]:
            usd, eur = [await price(supplier, symbol, fetch) for symbol in ("BTC-USD", "BTC-EUR")]
            assert Decimal("0.91") < eur / usd < Decimal("0.93"), supplier.venue
        unkeyed = await fetch(f"{base}/data/price?fsym=BTC&tsyms=USD", {})
        assert unkeyed.status == 401
        statuses = [
            (await fetch(f"{base}/0/public/Ticker?pair=XBTUSD", {})).status for _ in range(61)
        ]
        assert statuses[-1] == 429 and statuses[0] == 200
        async with ClientSession() as session:
            fault = {"path": "/products", "status": 503, "times": 1, "body": "<html>"}
            await session.post(f"{base}/faults/rest", json=fault)
        found = [(await fetch(f"{base}/products/BTC-USD/ticker", {})).status for _ in range(2)]
        assert found == [503, 200]


async def price(supplier: Supplier, symbol: str, fetch: object) -> Decimal:
    assert callable(fetch)
    reply = await fetch(supplier.url + supplier.path(symbol), supplier.headers)
    (quote,) = supplier.quote(Frame(reply.body, 1), symbol=symbol, conn="c").events
    assert isinstance(quote, Quote)
    return quote.price
