"""Replay, paper and simulated live mode decide alike on the real tape, to the bit.

Paper and live are whole sessions of the running trader: Kafka in and out, the journal in Postgres,
the forecast from its published folder. Live sends signed orders over HTTP to the simulator's
account, which matches them against the tape's book. (`tests/replay` adds the backtest.)
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from include.bus import Producer
from include.errors import Transient
from include.market import wire
from include.market.events import Order, Top
from include.rate_limiter import RateLimiter
from include.serving.journal import Journal
from include.setting_fields import Secret
from include.settings import Settings
from include.trading.decision_log import log_line
from include.trading.inputs import SeenTop
from streaming.simulator.clock import Clock
from streaming.simulator.gemini_account import GeminiAccount
from streaming.simulator.gemini_market import GeminiMarket
from streaming.simulator.gemini_public_answers import GeminiPublic
from streaming.simulator.gemini_rest import GeminiRouter
from streaming.simulator.gemini_signing import GeminiSigning
from streaming.simulator.order_book import OrderBook
from streaming.simulator.price_path import make_paths
from streaming.trader.brokers import Broker, Outcome
from streaming.trader.brokers.gemini import GeminiBroker
from streaming.trader.brokers.gemini_rest import GeminiRest
from streaming.trader.brokers.paper import PaperBroker
from streaming.trader.config import TraderConfig
from streaming.trader.forecasts import ForecastWatch, PublishedForecasts
from streaming.trader.rehearsal.rehearse import rehearse
from streaming.trader.rehearsal.tapes import moments_of_tapes
from streaming.trader.session import Session
from streaming.trader.traded_account import AccountPlan
from tests.support.recorded_world import CLOSED, MINUTE, SETTINGS, messages, publish_forecast
from tests.support.services import free_ports
from tests.support.tape_facts import TAPE, Facts
from tests.support.trader_world import World, make_world

KEY, SECRET = "account-for-tests", "SECRET-for-tests-only"


def show(market: GeminiMarket, top: Top) -> None:
    """Bring the simulated book to the tape's best prices; behind them it is empty but for junk."""
    market.book.sides = {
        "bid": {top.bid: top.bid_quantity, D("0.01"): D(1)},
        "ask": {top.ask: top.ask_quantity, D(10**9): D(1)},
    }


class AtTape(GeminiBroker):
    """The real broker; the simulated venue's book is brought to the moment before each order."""

    market: GeminiMarket

    def place(self, order: Order, top: SeenTop | None) -> Outcome:
        assert top is not None
        assert top.best is not None
        show(self.market, top.best)
        return super().place(order, top)


@contextmanager
def venue(market: GeminiMarket) -> Iterator[tuple[str, GeminiAccount]]:
    """The simulator's account over HTTP."""
    account, public = GeminiAccount(market), GeminiPublic(market, make_paths(7)["BTC-USD"])
    app, loop, (port,) = web.Application(), asyncio.new_event_loop(), free_ports(1)
    GeminiRouter({"btcusd": public}, account, GeminiSigning(Secret(KEY), Secret(SECRET))).add_to(
        app
    )

    async def serve() -> web.AppRunner:
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner

    runner = loop.run_until_complete(serve())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}", account
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def produce(world: World, data: Path) -> None:
    """The decoder's messages and the oracle's ratios, as feed and stream send them."""
    producer = Producer(world.settings.bootstrap, client_id="test")
    key = f"{world.venue}|BTC-USD".encode()
    for message in messages(data):
        own = wire.encode(replace_venue(message, world.venue))
        producer.send("market.book", key, own)
    for end, ratio in Facts(data / TAPE).signals()[:CLOSED]:
        body = {
            "v": 1,
            "venue": world.venue,
            "symbol": "BTC-USD",
            "type": "price_volume",
            "value": f"{ratio:.12f}",
            "window_start": end - MINUTE,
            "timestamp": end,
        }
        producer.send("market.signals", key, json.dumps(body).encode())
    producer.close()


def replace_venue(message: Any, venue: str) -> Any:
    import msgspec

    return msgspec.structs.replace(message, venue=venue)


def session(world: World, settings: Settings, broker: Callable[[Journal], Broker]) -> list[str]:
    """Run the trader until it has decided on every signal; its decision log."""
    deadline = time.monotonic() + 60

    def decided() -> bool:
        count = world.rows("SELECT count(*) FROM decisions")[0][0]
        return count >= CLOSED or time.monotonic() > deadline

    watch = ForecastWatch(settings.forecasts, symbol="BTC-USD", world=settings.world)
    config = TraderConfig.from_settings(settings)
    trader = Session([AccountPlan(config, broker, watch)])
    for _ in range(5):
        try:
            trader.run(decided)
            break
        except Transient:  # another session's lock is still being given back
            time.sleep(0.2)
    return [log_line(one).replace(world.venue, "VENUE") for one in world.events("decision")]


def same_but_for_names(lines: list[str]) -> list[str]:
    """Ids follow from the venue's name, which each world has of its own."""
    found = []
    for text in lines:
        fields = json.loads(text)
        fields.pop("decision_id")
        if bought := fields["inputs"]["account"]["last_buy"]:
            bought.pop("order_id")
        found.append(json.dumps(fields, sort_keys=True))
    return found


def world_of(kafka: str, dsn: dict[str, Any], folder: Path, data: Path) -> World:
    world = make_world(kafka, dsn, folder, **SETTINGS)
    publish_forecast(world.settings.forecasts, world=world.settings.world)
    produce(world, data)
    return world


def with_known_instrument(settings: Settings) -> Settings:
    """The same settings at the venue whose instrument is known by name."""
    return replace(settings, trader=replace(settings.trader, venue="gemini"))


@pytest.mark.timeout(300)
def test_replay_paper_and_live_decide_alike(
    kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path, shared_data: Path
) -> None:
    paper = world_of(kafka_broker, postgres_dsn, tmp_path / "paper", shared_data)
    live = world_of(kafka_broker, postgres_dsn, tmp_path / "live", shared_data)
    at_gemini = with_known_instrument(paper.settings)
    known = PublishedForecasts(at_gemini.forecasts, symbol="BTC-USD")
    steps = list(
        rehearse(
            moments_of_tapes([shared_data / TAPE], at_gemini),
            TraderConfig.from_settings(at_gemini),
            in_force=known.in_force,
        )
    )
    replayed = [log_line(step.decision).replace('"gemini"', '"VENUE"') for step in steps]
    assert len(replayed) == CLOSED

    on_paper = session(paper, paper.settings, lambda _: KnownInstrument(D(40)))
    market = GeminiMarket(
        "btcusd", OrderBook(make_paths(7)["BTC-USD"], seed=7), speed=1.0, clock=Clock()
    )
    with venue(market) as (url, account):

        def broker(journal: Journal) -> Broker:
            rest = GeminiRest(
                url,
                key=Secret(KEY),
                secret=Secret(SECRET),
                limiter=RateLimiter(1000, within_s=1.0),
                next_nonce=lambda: journal.next_nonce(time.time_ns() // 1000),
            )
            made = AtTape(rest, symbol="BTC-USD")
            made.market = market
            return made

        in_live_mode = session(live, live.settings, broker)
    assert same_but_for_names(on_paper) == same_but_for_names(replayed)
    assert same_but_for_names(in_live_mode) == same_but_for_names(replayed)
    orders = [one for one in live.events("order")]
    assert [one.broker for one in orders] == ["gemini"] * len(account.orders)
    assert [one.order_id for one in orders] == [one["client_order_id"] for one in account.orders]
    assert {step.decision.action for step in steps} == {"buy", "sell", "hold"}
    assert steps[-1].account.base == account.balances["BTC"]


class KnownInstrument(PaperBroker):
    """Paper with the instrument that the venue has under its own name."""

    def instrument(self) -> Any:
        from include.trading.instrument import KNOWN_INSTRUMENTS

        return KNOWN_INSTRUMENTS["gemini", "BTC-USD"]
