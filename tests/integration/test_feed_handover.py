"""A feed restarted by the real supervisord during a flow of trades: each once, and no hole."""

import os
import signal
from collections.abc import Iterator

import pytest

from include.local.lock import read_lock_holder
from include.local.rolling import restart_programs
from tests.conftest import make_environment
from tests.support.services import eventually
from tests.support.supervised_feeds import SupervisedFeeds, supervised_feeds

FEED, BRIDGE = "feed-binance", "feed-binance-bridge"
SYMBOL = "BTC-USDT"
GEMINI, GEMINI_SYMBOL = "feed-gemini", "BTC-USD"


@pytest.fixture(scope="module")
def market(
    kafka_broker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SupervisedFeeds]:
    folder = tmp_path_factory.mktemp("handover")
    env = make_environment(
        folder / "var", KAFKA_BOOTSTRAP=kafka_broker, VENUES_BINANCE_SYMBOLS=SYMBOL
    )
    with supervised_feeds(env, [FEED, GEMINI], folder / "log") as feeds:
        yield feeds


def test_a_restart_leaves_no_hole_and_doubles_nothing(market: SupervisedFeeds) -> None:
    market.await_trades(SYMBOL, 5)
    before, lines = market.pid(FEED), list[str]()
    restart_programs(market.settings, market.client, [FEED], print_line=lines.append)
    assert market.pid(FEED) not in {None, before} and market.pid(BRIDGE) is None
    assert [line.partition(" (")[0] for line in lines] == [f"restarting {FEED}", f"ready: {FEED}"]
    market.await_trades(SYMBOL, 5)
    numbers = market.numbers(SYMBOL)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert market.entries(SYMBOL, "gap", "jump", "renumbered", "stale", "dropped") == []
    causes = [one.cause for one in market.entries(SYMBOL, "connect")]
    assert causes == ["start", "handover", "handover"]


def test_gemini_whose_trades_are_not_numbered_one_by_one_has_no_gap_either(
    market: SupervisedFeeds,
) -> None:
    def books() -> int:
        return sum(one.kind == "book" for one in market.messages(GEMINI_SYMBOL))

    eventually(lambda: books() > 20, what="changes since the last trade")
    restart_programs(market.settings, market.client, [GEMINI], print_line=lambda _: None)
    since = books()
    eventually(lambda: books() > since + 20, what="changes after it")
    causes = [one.cause for one in market.entries(GEMINI_SYMBOL, "connect")]
    assert causes == ["start", "handover", "handover"]
    assert market.entries(GEMINI_SYMBOL, "gap", "jump", "renumbered", "stale", "dropped") == []


def test_a_bridge_that_is_killed_leaves_its_hole_and_the_feed_goes_on(
    market: SupervisedFeeds,
) -> None:
    lock = market.settings.home / "feeds" / "binance.lock"
    feed = market.pid(FEED)
    assert feed is not None
    market.client.start(BRIDGE)
    eventually(lambda: market.pid(BRIDGE), what="the bridge")
    bridge = market.pid(BRIDGE)

    def publishes(pid: int | None) -> bool:
        holder = read_lock_holder(lock)
        return holder is not None and holder.pid == str(pid)

    eventually(lambda: publishes(bridge), what="the bridge publishes", every_s=0.02)
    assert bridge is not None
    os.kill(bridge, signal.SIGKILL)
    eventually(lambda: publishes(market.pid(FEED)), what="the feed publishes again")
    market.await_trades(SYMBOL, 5)
    market.require_accounted(SYMBOL)
    assert market.pid(BRIDGE) is None
