"""A venue's feed in two processes: each has its symbols, and one is killed without the other."""

import os
import signal
from collections.abc import Iterator

import pytest

from include.local.rolling import restart_programs
from tests.conftest import make_environment
from tests.support.services import eventually
from tests.support.supervised_feeds import SupervisedFeeds, supervised_feeds

SECOND = "feed-binance-2"
SYMBOL_OF = {"feed-binance": "BTC-USDT", SECOND: "ETH-USDT"}
BITCOIN, ETHER = SYMBOL_OF.values()


@pytest.fixture(scope="module")
def feeds(kafka_broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupervisedFeeds]:
    folder = tmp_path_factory.mktemp("shards")
    env = make_environment(
        folder / "var",
        KAFKA_BOOTSTRAP=kafka_broker,
        VENUES_BINANCE_SYMBOLS=",".join(SYMBOL_OF.values()),
        VENUES_BINANCE_SHARDS="2",
    )
    with supervised_feeds(env, SYMBOL_OF, folder / "log") as both:
        yield both


def test_each_symbol_comes_by_its_shard_and_by_no_other(feeds: SupervisedFeeds) -> None:
    for program, symbol in SYMBOL_OF.items():
        feeds.await_trades(symbol, 5)
        feed = program.removeprefix("feed-")
        assert {one.conn.rsplit("-", 2)[0] for one in feeds.messages(symbol)} == {feed}
        feeds.require_accounted(symbol)


def test_a_shard_that_is_killed_has_a_gap_of_its_symbol_alone(feeds: SupervisedFeeds) -> None:
    killed = feeds.pid(SECOND)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: feeds.pid(SECOND) not in {None, killed}, what="it is started again")
    for symbol in SYMBOL_OF.values():
        feeds.await_trades(symbol, 5)
        feeds.require_accounted(symbol)
    assert feeds.entries(BITCOIN, "gap", "jump", "disconnect") == []


def test_a_shard_is_restarted_without_a_hole(feeds: SupervisedFeeds) -> None:
    feeds.await_trades(ETHER, 2)
    gaps = feeds.entries(ETHER, "gap")
    restart_programs(feeds.settings, feeds.client, [SECOND], print_line=lambda _: None)
    feeds.await_trades(ETHER, 5)
    feeds.require_accounted(ETHER)
    assert feeds.entries(ETHER, "gap") == gaps
