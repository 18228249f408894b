"""A venue's feed in several processes: names, symbols, ids, spools, and another number of them."""

import asyncio
from pathlib import Path

import pytest

from include.bus.spool import Spool
from include.bus.spool_segment import SpooledRecord
from include.errors import PlatformError, SettingsError
from include.local.feed_files import FeedFiles
from include.local.lock import exclusive_lock
from include.market import wire
from include.market.events import Message, Trade
from include.market.feed_shards import FeedShard, list_shards, parse_shard, split_feed_name
from include.settings import Settings, load
from include.state_files import read_checked_file, write_checked_file
from streaming.feeds import shard_takeover
from streaming.feeds.__main__ import follow_alone
from streaming.feeds.outlet import Outlet
from streaming.feeds.shard_takeover import take_over_others
from tests.support.fake_producer import FakeProducer

SYMBOLS = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "ADA-USDT", "XRP-USDT")


def test_symbols_go_to_the_shards_in_turn_each_to_one() -> None:
    chosen = [shard.choose(SYMBOLS) for shard in list_shards("binance", 2)]
    assert chosen == [("BTC-USDT", "SOL-USDT", "XRP-USDT"), ("ETH-USDT", "ADA-USDT")]
    appended = [shard.choose((*SYMBOLS, "NEW-USDT")) for shard in list_shards("binance", 2)]
    assert appended == [chosen[0], (*chosen[1], "NEW-USDT")], "no other symbol moves"
    assert FeedShard("binance").choose((*SYMBOLS, SYMBOLS[0])) == SYMBOLS
    assert FeedShard("binance", 3, 3).choose(SYMBOLS[:2]) == ()


def test_the_only_shard_has_the_names_of_a_feed_without_shards() -> None:
    (shard,) = list_shards("binance", 1)
    assert (shard.name, shard.program, shard.arguments) == ("binance", "feed-binance", ["binance"])
    files = FeedFiles(Path("feeds"), shard)
    paths = [files.lock, files.spool, files.last_ids]
    assert [path.name for path in paths] == ["binance.lock", "binance.spool", "binance.json"]


def test_a_further_shard_carries_its_number() -> None:
    shard = list_shards("binance", 3)[1]
    assert (shard.name, shard.program) == ("binance-2", "feed-binance-2")
    assert parse_shard("binance", shard.arguments[-1]) == shard
    assert split_feed_name("binance-2") == ("binance", 2) and split_feed_name("x") == ("x", 1)


@pytest.mark.parametrize("share", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2"])
def test_what_is_no_shard_is_refused(share: str) -> None:
    with pytest.raises(ValueError, match="is no NUMBER/COUNT such as 2/3"):
        parse_shard("binance", share)


def test_a_port_beyond_the_last_is_refused_by_name() -> None:
    variables = {
        "TICKHOUSE_METRICS_BINANCE": "65500",
        "TICKHOUSE_VENUES_BINANCE_SHARDS": "2",
        "TICKHOUSE_VENUES_BINANCE_SYMBOLS": "BTC-USDT,ETH-USDT",
    }
    with pytest.raises(
        SettingsError, match="METRICS_BINANCE is too high a port for feed-binance-2"
    ):
        load(variables)


def test_two_processes_never_follow_the_same_symbol(settings: Settings) -> None:
    folder = settings.home / "feeds"
    shard, stop = FeedShard("binance", 2, 2), asyncio.Event()
    with (
        exclusive_lock(folder / "binance.lock", name="it", note="BTC-USDT,ETH-USDT"),
        pytest.raises(
            PlatformError, match=r"may not follow ETH-USDT: feed-binance \(pid \d+\) does"
        ),
    ):
        asyncio.run(follow_alone(shard, settings, SYMBOLS[:2], tape_folder=None, stop=stop))
    assert not (folder / "binance-2.spool").exists()


def trade(number: int, symbol: str) -> SpooledRecord:
    from decimal import Decimal

    event = Trade(str(number), Decimal(1), Decimal(1), "buy", 5)
    message = Message("binance", symbol, "trade", "c", (number, number), 5, number, (event,))
    return SpooledRecord("market.trades", wire.encode_key(message), wire.encode(message))


def take_over(settings: Settings, shard: FeedShard, symbols: tuple[str, ...]) -> FakeProducer:
    """What the start of a shard sends, after which it is ended."""
    producer = FakeProducer()
    files = FeedFiles(settings.home / "feeds", shard)
    with Outlet(files, settings, producer) as outlet:  # type: ignore[arg-type]
        asyncio.run(take_over_others(outlet, settings, symbols))
    return producer


@pytest.fixture
def folder(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shard_takeover, "last_ids_in_kafka", lambda *_, **__: {})
    (settings.home / "feeds").mkdir(parents=True)
    return settings.home / "feeds"


@pytest.mark.parametrize("former", ["binance", "binance-3"])
def test_a_symbol_goes_on_behind_the_last_trade_of_the_shard_that_had_it(
    settings: Settings, folder: Path, former: str
) -> None:
    write_checked_file(folder / f"{former}.json", {"ETH-USDT": 41, "BTC-USDT": 7})
    take_over(settings, FeedShard("binance", 2, 2), ("ETH-USDT",))
    assert read_checked_file(folder / "binance-2.json", dict[str, int]) == {"ETH-USDT": 41}


def test_of_several_files_the_furthest_id_counts(settings: Settings, folder: Path) -> None:
    for name, last in (("binance", 50), ("binance-2", 41), ("binance-3", 44)):
        write_checked_file(folder / f"{name}.json", {"ETH-USDT": last})
    take_over(settings, FeedShard("binance", 2, 2), ("ETH-USDT",))
    assert read_checked_file(folder / "binance-2.json", dict[str, int]) == {"ETH-USDT": 50}


def test_the_spool_of_a_former_shard_is_published_before_anything_else(
    settings: Settings, folder: Path
) -> None:
    spool = Spool(folder / "binance-3.spool", max_bytes=10_000)
    waiting = [trade(number, "ETH-USDT") for number in (42, 43)]
    assert all(spool.append(one) for one in waiting)
    spool.close()
    write_checked_file(folder / "binance-3.json", {"ETH-USDT": 41})
    producer = take_over(settings, FeedShard("binance"), SYMBOLS)
    assert producer.records == waiting
    assert read_checked_file(folder / "binance.json", dict[str, int]) == {
        "ETH-USDT": 43,
        "ETH-USDT|newest": 5,
    }
    assert take_over(settings, FeedShard("binance"), SYMBOLS).records == [], "once"


def test_the_spool_of_a_shard_that_runs_is_left_to_it(settings: Settings, folder: Path) -> None:
    spool = Spool(folder / "binance-2.spool", max_bytes=10_000)
    spool.append(trade(42, "ETH-USDT"))
    spool.close()
    with exclusive_lock(folder / "binance-2.lock", name="it"):
        assert take_over(settings, FeedShard("binance", 1, 2), ("BTC-USDT",)).records == []
    assert Spool(folder / "binance-2.spool", max_bytes=10_000).count == 1


def test_another_venues_files_are_left_alone(settings: Settings, folder: Path) -> None:
    write_checked_file(folder / "binanceus.json", {"ETH-USDT": 99})
    write_checked_file(folder / "gemini-2.json", {"ETH-USDT": 99})
    take_over(settings, FeedShard("binance"), SYMBOLS)
    assert not (folder / "binance.json").exists()
