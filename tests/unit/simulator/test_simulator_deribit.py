"""The simulated Deribit with the unmodified feed: log-in, heartbeats, broken chains, holes."""

import asyncio
import hashlib
import hmac
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from include.market.book import Book
from include.market.events import BookChange, LedgerEntry, Message, Trade
from include.settings import Settings, load
from streaming.feeds.registry import stream_specs
from streaming.feeds.supervisor import Feed
from streaming.feeds.transport import connect
from streaming.simulator.__main__ import make_application
from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.deribit_limits import Credits
from streaming.simulator.deribit_market import trade
from streaming.simulator.deribit_rpc import Rpc
from streaming.simulator.price_path import make_paths

PATH = make_paths(7)["BTC-USD"]
KEYS = {"TICKHOUSE_VENUES_DERIBIT_KEY": "k", "TICKHOUSE_VENUES_DERIBIT_SECRET": "for-tests-only"}

FAULTS = {
    "skip_change": {"fault": "skip", "stream": "book.BTC"},
    "skip_trade": {"fault": "skip", "stream": "trades.BTC"},
    "close": {"fault": "close", "code": 1012},
}


@asynccontextmanager
async def followed(
    settings: Settings, **more: str
) -> AsyncIterator[tuple[list[Message], str, asyncio.Event]]:
    async with TestServer(make_application(settings)) as server:
        base = str(server.make_url("")).rstrip("/")
        variables = {"TICKHOUSE_VENUES_DERIBIT_WS_URL": base.replace("http", "ws"), **KEYS, **more}
        (spec,) = stream_specs("deribit", venues=load(variables).venues)
        messages, stop = list[Message](), asyncio.Event()
        clock = asyncio.get_running_loop().time
        feed = Feed(
            spec=spec,
            connect=connect,
            publish=messages.append,
            rng=random.Random(1),
            stale_s=9,
            now_us=lambda: int(clock() * 1e6),
            conn_id=lambda: f"c{len(messages)}",
        )
        task = asyncio.ensure_future(feed.run(stop))
        try:
            yield messages, base, stop
        finally:
            stop.set()
            await asyncio.wait_for(task, 60)


async def until(claim: Callable[[], object], timeout_s: float = 60) -> None:
    async with asyncio.timeout(timeout_s):
        while not claim():  # noqa: ASYNC110 (a claim about a list has no event)
            await asyncio.sleep(0.02)


def of(messages: list[Message], kind: str) -> list[Message]:
    return [message for message in messages if message.kind == kind]


async def strike(base: str, fault: str) -> None:
    async with ClientSession() as session:
        await session.post(f"{base}/faults", json={"faults": [FAULTS[fault]]})


async def test_books_chain_trades_count_and_a_broken_chain_heals() -> None:
    async with followed(load(KEYS)) as (messages, base, _):
        await until(lambda: len(of(messages, "book")) > 8 and of(messages, "ticker"))
        assert not of(messages, "reject") and all(message.top for message in of(messages, "book"))
        await strike(base, "skip_change")
        await until(
            lambda: any(gap_cause(message) == "broken_chain" for message in of(messages, "ledger"))
        )
        await until(lambda: of(messages, "book")[-1].top is not None)
        assert any(message.top is None for message in of(messages, "book"))
        await strike(base, "skip_trade")
        await until(
            lambda: any(gap_cause(message) == "missing" for message in of(messages, "ledger"))
        )
        (gap,) = [message for message in of(messages, "ledger") if gap_cause(message) == "missing"]
        (hole,) = gap.events
        assert isinstance(hole, LedgerEntry) and hole.first_seq is not None
        query = f"instrument_name=BTC-PERPETUAL&start_seq={hole.first_seq}&end_seq={hole.last_seq}"
        missing = await fetched(f"{base}/api/v2/public/get_last_trades_by_instrument?{query}")
        seqs = [message.seq[0] for message in of(messages, "trade") if message.seq]
        healed = sorted(seqs + [message["trade_seq"] for message in missing["result"]["trades"]])
        assert healed == list(range(healed[0], healed[-1] + 1))


async def test_the_grouped_book_rebuilds_to_the_same_top() -> None:
    grouped = {"TICKHOUSE_VENUES_DERIBIT_BOOK": "none.10.100ms"}
    async with followed(load(KEYS), **grouped) as (messages, _, _):
        await until(lambda: len(of(messages, "book")) > 12)
        book = Book()
        book.reset(())
        for message in of(messages, "book"):
            for change in message.events:
                assert isinstance(change, BookChange)
                book.apply(change)
            assert book.top() == message.top is not None
            assert len(book.levels["bid"]) == len(book.levels["ask"]) == 10


async def test_a_wrong_secret_is_reported_and_public_data_still_comes() -> None:
    wrong = {"TICKHOUSE_VENUES_DERIBIT_SECRET": "other"}
    async with followed(load(KEYS), **wrong) as (messages, _, _):
        await until(lambda: of(messages, "trade") and of(messages, "reject"))
        (reject,) = of(messages, "reject")
        assert "13004" in str(reject.events[0])
        trade = of(messages, "trade")[0].events[0]
        assert isinstance(trade, Trade) and trade.amount is not None and trade.amount % 10 == 0


async def test_a_dropped_connection_leaves_no_hole_unnamed() -> None:
    async with followed(load(KEYS)) as (messages, base, _):
        await until(lambda: len(of(messages, "trade")) > 1)
        await strike(base, "close")
        await until(lambda: len({message.conn for message in of(messages, "trade")}) > 1)
        seqs = [message.seq for message in of(messages, "trade") if message.seq]
        holes = [
            message.events[0]
            for message in of(messages, "ledger")
            if gap_cause(message) == "missing"
        ]
        numbers = {n for first, last in seqs for n in range(first, last + 1)}
        for hole in holes:
            assert isinstance(hole, LedgerEntry) and hole.first_seq and hole.last_seq
            numbers |= set(range(hole.first_seq, hole.last_seq + 1))
        assert numbers == set(range(min(numbers), max(numbers) + 1))


def gap_cause(message: Message) -> str:
    (entry,) = message.events
    return entry.cause if isinstance(entry, LedgerEntry) and entry.entry == "gap" else ""


async def fetched(url: str) -> Any:
    async with ClientSession() as session, session.get(url) as reply:
        return await reply.json()


def rpc() -> Rpc:
    return Rpc(PATH, "k", "SECRET-for-tests-only", DeribitAccount(PATH), Credits())


def test_the_venues_signature_vector_logs_in() -> None:
    # hex HMAC-SHA256 of "1700000000123\\nabcd\\n", computed with openssl
    params = {
        "grant_type": "client_signature",
        "client_id": "k",
        "timestamp": 1700000000123,
        "nonce": "abcd",
        "data": "",
        "signature": "13fa9fac93dde0205497a5090b2c9a5414eaf8dd194363defa53bea9378d15d8",
    }
    assert rpc().answer("public/auth", params, 0)
    with pytest.raises(DeribitError):
        rpc().answer("public/auth", params | {"nonce": "abce"}, 0)
    text = hmac.new(b"SECRET-for-tests-only", b"1700000000123\nabcd\nx", hashlib.sha256)
    assert text.hexdigest().startswith("4567b2d7")


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("public/nothing", {}, -32601),
        ("public/subscribe", {"channels": "book"}, -32602),
        ("public/set_heartbeat", {"interval": 9}, -32602),
        ("public/subscribe", {"channels": ["trades.BTC-PERPETUAL.raw"]}, 13778),
        ("public/auth", {"grant_type": "refresh_token", "refresh_token": "x"}, 13009),
        ("public/ticker", {"instrument_name": "DOGE"}, 10020),
    ],
)
def test_each_error_has_its_code(method: str, params: dict[str, object], code: int) -> None:
    with pytest.raises(DeribitError) as refused:
        rpc().answer(method, params, 1)
    assert refused.value.body["code"] == code


def test_a_refresh_token_serves_once_and_raw_needs_a_living_token() -> None:
    connection = rpc()
    grant = {
        "grant_type": "client_credentials",
        "client_id": "k",
        "client_secret": "SECRET-for-tests-only",
    }
    first = connection.answer("public/auth", grant, 0)
    assert isinstance(first, dict)
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    connection.answer("public/auth", refresh, 0)
    with pytest.raises(DeribitError):
        connection.answer("public/auth", refresh, 0)
    raw = {"channels": ["trades.BTC-PERPETUAL.raw"]}
    assert connection.answer("public/subscribe", raw, 899_000) == raw["channels"]
    with pytest.raises(DeribitError):
        connection.answer("public/subscribe", raw, 901_000)


def test_every_minute_or_so_a_trade_is_a_liquidation_the_takers_more_often() -> None:
    trades = [trade(PATH, 90_000_000 + number) for number in range(6 * 3600)]
    flags = [one["liquidation"] for one in trades if "liquidation" in one]
    assert 240 < len(flags) < 480
    assert {flag: flags.count(flag) > 20 for flag in ("M", "T", "MT")} == dict.fromkeys(
        ("M", "T", "MT"), True
    )
    assert flags.count("T") > len(flags) / 2 and len(set(flags)) == 3
    for start in range(0, len(trades), 600):
        some = [one for one in trades[start : start + 600] if "liquidation" in one]
        assert some, "ten minutes show one"
