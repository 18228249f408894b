"""A small world with something of each kind that a backup has, and of what it leaves out."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from include.lake.epoch import Epoch, write_epoch
from include.local.backup import Backup, back_up
from include.settings import Settings, load
from tests.support.lake_of_rows import at, put

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TRADE = {"symbol": "BTC-USD", "price": Decimal(60_000), "traded_at": at("12:00:00")}


def settings_of(var: Path) -> Settings:
    return load({"TICKHOUSE_VAR": str(var), "TICKHOUSE_WORLD": "sim"})


def make_world(tmp_path: Path) -> Settings:
    """Three trades in two commits, something of each other kind, and what is not kept."""
    settings = settings_of(tmp_path / "old")
    put(settings.lake, "trades", [TRADE, TRADE])
    put(settings.lake, "trades", [TRADE])
    for name in (
        "forecasts/CURRENT",
        "forecasts/f1/forecast.csv",
        "feeds/gemini.json",
        "trader.halt",
        "feeds/gemini.spool/00000001",
        "seals/trades/1.json",
        "logs/stream.log",
        "checkpoints/land/stream/offsets/7",
    ):
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (settings.home / "checkpoints/land/stream/offsets/7").unlink()
    write_epoch(settings.home / "checkpoints/land/epoch.json", Epoch({}, {"market.trades": "id1"}))
    return settings


def make(
    world: Settings, folder: Path, *, print_line: Callable[[str], None] = lambda _: None
) -> Backup:
    """Back the world up."""
    return back_up(world, folder, made_at=NOW, program="1.0", print_line=print_line)
