"""Bad history ends in a clear first line; nothing is published, the last good forecast stays."""

import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from include.errors import HistoryError
from include.forecast.forecast_file import load_current, published_manifests
from include.lake.reading import query
from include.orchestration.tasks import (
    check_forecast,
    check_history,
    land_staged,
    make_draft,
    publish_file,
    stage_file,
    train_model,
)
from include.settings import Settings, load
from tests.conftest import make_environment
from tests.support.loading import loading_in_process

SIX = "Timestamp,Open,High,Low,Close,Volume"
EIGHT = "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price"
T0, MINUTES = 1_524_528_000, 2 * 1440
NAN = ",NaN" * 7


def bars(count: int, *, first: int = T0) -> list[str]:
    closes = [9000 + 40 * math.sin(n / 77) for n in range(count)]
    return [
        f"{first + 60 * n},{x:.2f},{x + 1:.2f},{x - 1:.2f},{x:.2f},1.5"
        for n, x in enumerate(closes)
    ]


def text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def truncated_zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bars.csv", text(SIX, *bars(500)))
    return packed.getvalue()[:-200]


def ingested(source: Path, symbol: str, run: str) -> int:
    """The tasks of `ingest_history` in their order."""
    stage_file(source=str(source), symbol=symbol, end_at=None, run_id=run)
    check_history(run_id=run)
    return land_staged(run_id=run)


def trained_and_published(symbol: str, run: str) -> Any:
    """The tasks of `retrain_forecast` and `publish_forecast`, but for Postgres."""
    record = train_model(symbol=symbol, as_of=None, train_days=0)
    drafted = make_draft(record["model"], horizon_minutes=120)
    check_forecast(drafted, run_id=run)
    return publish_file(drafted)


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A world with two good days of minutes and the forecast published from them."""
    folder = tmp_path_factory.mktemp("world")
    environment = make_environment(folder / "var", STREAM_DRIVER_MEMORY="1g")
    good = folder / "good.csv"
    good.write_bytes(text(SIX, *bars(MINUTES)))
    with loading_in_process(spark) as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        assert ingested(good, "BTC-USD", "good") == MINUTES
        trained_and_published("BTC-USD", "good")
        yield load(environment)


def standing(settings: Settings) -> list[Any]:
    """What a bad file must leave as it is."""
    landed = query(
        settings.lake,
        "SELECT count(*), min(minute), max(minute), sum(close) FROM history_minutes"
        " WHERE symbol = 'BTC-USD'",
    )[1]
    models = sorted(path.name for path in (settings.home / "models").iterdir())
    return [
        landed,
        models,
        load_current(settings.forecasts),
        published_manifests(settings.forecasts),
    ]


AFTER = T0 + 60 * MINUTES
BAD = {
    "a truncated zip": ("bars.zip", truncated_zip(), "broken zip"),
    "a changed column": (
        "b.csv",
        text("Timestamp,Open,High,Low,Close,Turnover", "60,1,1,1,1,1"),
        "Turnover",
    ),
    "a missing column": ("b.csv", text("Timestamp,Open,High,Low,Volume", "60,1,1,1,1"), "close"),
    "columns that end midway": (
        "b.csv",
        text(SIX, *bars(3, first=AFTER), "1524700980,1,1"),
        "wrong number of columns",
    ),
    "a NaN among prices": (
        "b.csv",
        text(SIX, *bars(3, first=AFTER), f"{AFTER + 180},NaN,2,1,2,1"),
        "unreadable number",
    ),
    "a minute twice": (
        "b.csv",
        text(SIX, *bars(3, first=AFTER), f"{AFTER},5,5,5,5,5"),
        "another row has this minute",
    ),
    "milliseconds among seconds": (
        "b.csv",
        text(SIX, *bars(3, first=AFTER), f"{AFTER + 180}000,1,1,1,1,1"),
        "time in another unit",
    ),
    "a time to come": (
        "b.csv",
        text(SIX, *bars(3, first=AFTER), "4102444800,1,1,1,1,1"),
        "in the future",
    ),
    "an empty file": ("b.csv", b"", "empty"),
    "a header alone": ("b.csv", text(SIX), "no rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_in_the_first_line_and_changes_nothing(
    world: Settings, tmp_path: Path, name: str
) -> None:
    before = standing(world)
    file_name, content, message = BAD[name]
    source = tmp_path / file_name
    source.write_bytes(content)
    with pytest.raises(HistoryError) as caught:
        ingested(source, "BTC-USD", f"bad-{name}")
    first = str(caught.value).splitlines()[0]
    assert message in first
    with pytest.raises(HistoryError, match="staged"):  # what is after it, forced, finds nothing
        land_staged(run_id=f"bad-{name}")
    assert standing(world) == before
    # and a night's training goes on with what is there, to the same model and forecast
    assert train_model(symbol="BTC-USD", as_of=None, train_days=0)["model"] == before[1][0]


@pytest.mark.parametrize(
    ("symbol", "content", "message"),
    [
        ("ETH-USD", text(SIX, *bars(10)), "only 10 minutes of ETH-USD"),
        (
            "XRP-USD",
            text(
                EIGHT,
                f"{T0},2,2,2,2,3,6,2",
                *(f"{T0 + 60 * n}{NAN}" for n in range(1, 2000)),
                f"{T0 + 60 * 2000},2,2,2,2,3,6,2",
            ),
            "only 2 minutes of XRP-USD",
        ),
    ],
)
def test_minutes_too_few_to_learn_from_land_but_train_nothing(
    world: Settings, tmp_path: Path, symbol: str, content: bytes, message: str
) -> None:
    before = standing(world)
    source = tmp_path / "few.csv"
    source.write_bytes(content)
    ingested(source, symbol, f"few-{symbol}")
    with pytest.raises(HistoryError) as caught:
        trained_and_published(symbol, f"few-{symbol}")
    assert message in str(caught.value).splitlines()[0]
    assert standing(world) == before


def test_a_symbol_of_which_there_is_no_history_trains_nothing(world: Settings) -> None:
    before = standing(world)
    with pytest.raises(HistoryError, match="no minute of DOGE-USD: run ingest_history first"):
        trained_and_published("DOGE-USD", "none")
    assert standing(world) == before
