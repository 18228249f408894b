"""The services of feeds in shards, as Docker Compose loads them beside docker-compose.yml."""

import shutil
from pathlib import Path

from cli.compose_shards import describe_shards
from include.market.feed_shards import parse_shard
from include.settings import ROOT, load
from tests.support.compose import load_folder

SETTINGS = {
    "TICKHOUSE_VENUES_BINANCE_SHARDS": "3",
    "TICKHOUSE_VENUES_BINANCE_SYMBOLS": "BTC-USDT,ETH-USDT,SOL-USDT",
}


def test_each_shard_is_a_service_like_its_venues_and_follows_its_share(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    (tmp_path / ".env").write_text("".join(f"{name}={text}\n" for name, text in SETTINGS.items()))
    before = load_folder(tmp_path)["services"]
    (tmp_path / "docker-compose.override.yml").write_text(describe_shards(load(SETTINGS)))
    services = load_folder(tmp_path)["services"]
    names = ["feed-binance", "feed-binance-2", "feed-binance-3"]
    assert {*services} - {*before} == {*names[1:]}
    symbols = tuple(SETTINGS["TICKHOUSE_VENUES_BINANCE_SYMBOLS"].split(","))
    followed = []
    for number, name in enumerate(names):
        service, first = services[name], before["feed-binance"]
        assert service["command"][:4] == ["python", "-m", "streaming.feeds", "binance"]
        share = service["command"][service["command"].index("--shard") + 1]
        followed += parse_shard("binance", share).choose(symbols)
        for part in ("image", "environment", "volumes", "depends_on", "networks", "deploy"):
            assert service.get(part) == first.get(part), (name, part)
        assert f":{19412 + 100 * number}/healthz" in service["healthcheck"]["test"][-1]
        assert service["healthcheck"]["interval"] == first["healthcheck"]["interval"]
    assert sorted(followed) == sorted(symbols)
    unchanged = {*before} - {"feed-binance"}
    assert {name: services[name] for name in unchanged} == {
        name: before[name] for name in unchanged
    }


def test_without_shards_nothing_is_added() -> None:
    assert describe_shards(load({})).endswith('"services": {}\n}\n')
