"""Which forecast was in force at a signal: never one that knows later minutes."""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.errors import QueryError, StateError
from include.forecast.forecast_file import publish, render, rollback
from include.forecast.manifest import Manifest
from include.forecast.publications import PUBLICATIONS, read_publications, record_publication
from include.settings import Settings, load
from include.trading.inputs import Signal
from streaming.trader.forecasts import PublishedForecasts
from streaming.trader.rehearsal.lake import LakeSpan

NOON = datetime(2018, 4, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STAMP = pa.timestamp("us", tz="UTC")


def signal(minutes: float) -> Signal:
    """A signal whose window ended so many minutes after noon."""
    end = int((NOON + minutes * MINUTE).timestamp() * 1_000_000)
    return Signal("gemini", "BTC-USD", "price_volume", D(1), end, end - 60_000_000)


def publish_two(folder: Path) -> None:
    """`early` is trained until noon, `late` until 12:10; a minute is over when it is known."""
    for name, until in (("early", NOON), ("late", NOON + 10 * MINUTE)):
        content = render([(NOON, "buy", 1.0, 1.0, 1.0)])
        publish(
            folder,
            content=content,
            keep=5,
            manifest=Manifest(
                forecast_id=name,
                symbol="BTC-USD",
                world="sim",
                rows=1,
                first_ds=NOON,
                last_ds=NOON,
                sha256=hashlib.sha256(content).hexdigest(),
                trained_until=until,
                made_at=until,
                model="m",
                fitted_by="nobody",
                versions={},
                metrics={},
            ),
        )


CASES = [(1.0, "early"), (10.99, "early"), (11.0, "late"), (60.0, "late")]


@pytest.mark.parametrize(("minutes", "name"), CASES)
def test_a_published_forecast_is_in_force_once_its_last_minute_is_over(
    tmp_path: Path, minutes: float, name: str
) -> None:
    publish_two(tmp_path)
    found, fault = PublishedForecasts(tmp_path, symbol="BTC-USD").in_force(signal(minutes))
    assert found is not None
    assert (found.forecast_id, fault) == (name, None)


def test_before_all_forecasts_the_earliest_is_shown_for_the_rule_to_refuse(tmp_path: Path) -> None:
    publish_two(tmp_path)
    found, _ = PublishedForecasts(tmp_path, symbol="BTC-USD").in_force(signal(0.5))
    assert found is not None
    assert found.forecast_id == "early"
    assert PublishedForecasts(tmp_path, symbol="ETH-USD").in_force(signal(5)) == (None, None)


def test_a_damaged_forecast_is_passed_over_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish_two(tmp_path)
    (csv,) = (tmp_path / "late").glob("*.csv")
    csv.write_bytes(csv.read_bytes()[:-1])
    found, _ = PublishedForecasts(tmp_path, symbol="BTC-USD").in_force(signal(60))
    assert found is not None
    assert found.forecast_id == "early"
    assert "forecast refused reason=forecast_damaged" in caplog.text


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load({"TICKHOUSE_VAR": str(tmp_path / "var")})
    about = {"venue": ["gemini"], "symbol": ["BTC-USD"]}
    for table in ("signals", "book_changes"):
        write_deltalake(f"{found.lake}/{table}", pa.table(about))
    untils = [NOON, NOON + 10 * MINUTE]
    write_deltalake(
        f"{found.lake}/forecasts",
        pa.table(
            {
                # the trader never sees a short-term forecast, however fresh it is
                "forecast_id": ["early", "late", "short-20180424T120500"],
                "symbol": ["BTC-USD"] * 3,
                "ds": pa.array([NOON + 5 * MINUTE] * 3, STAMP),
                "side": ["buy", "sell", "sell"],
                "yhat": [1.0] * 3,
                "trained_until": pa.array([*untils, NOON + 5 * MINUTE], STAMP),
            }
        ),
    )
    return found


@pytest.mark.parametrize(("minutes", "name"), [(0.99, None), *CASES])
def test_a_forecast_of_the_lake_is_in_force_once_its_last_minute_is_over(
    settings: Settings, minutes: float, name: str | None
) -> None:
    span = LakeSpan(settings, start_at=NOON, end_at=NOON + 60 * MINUTE)
    found, fault = span.in_force(signal(minutes))
    assert (found.forecast_id if found else None, fault) == (name, None)


def record(settings: Settings, *moves: tuple[float, str]) -> None:
    """Publish by hand: so many minutes after noon the pointer moves to a forecast."""
    settings.forecasts.mkdir(parents=True, exist_ok=True)
    for minutes, name in moves:
        record_publication(settings.forecasts, name, published_at=NOON + minutes * MINUTE)


def in_use(settings: Settings, minutes: float) -> str | None:
    span = LakeSpan(settings, start_at=NOON, end_at=NOON + 60 * MINUTE)
    forecast, _ = span.in_force(signal(minutes))
    return forecast.forecast_id if forecast else None


def test_a_forecast_is_in_force_from_when_it_was_published_not_trained(settings: Settings) -> None:
    record(settings, (3, "early"), (30, "late"))
    assert [in_use(settings, n) for n in (2.99, 3, 12, 29.99, 30, 60)] == [
        None,
        "early",
        "early",
        "early",
        "late",
        "late",
    ]


def test_a_forecast_that_landed_and_was_never_published_is_not_used(settings: Settings) -> None:
    record(settings, (3, "early"))
    assert in_use(settings, 60) == "early"


def test_what_was_taken_back_or_published_again_is_used_as_long_as_it_was_in_use(
    settings: Settings,
) -> None:
    record(settings, (3, "early"), (12, "late"), (20, "early"), (20.5, "early"), (40, "late"))
    assert [in_use(settings, n) for n in (12, 19.99, 20, 39.99, 40)] == [
        "late",
        "late",
        "early",
        "early",
        "late",
    ]


def test_forecasts_older_than_the_log_are_in_force_by_their_training(settings: Settings) -> None:
    record(settings, (30, "late"))
    assert [in_use(settings, n) for n in (0.99, 1, 15, 30)] == [None, "early", "early", "late"]


def test_a_recorded_market_is_older_than_all_publishing(settings: Settings, tmp_path: Path) -> None:
    record(settings, (9e6, "early"), (9e6 + 1, "late"))
    tape = load(
        {
            "TICKHOUSE_VAR": str(tmp_path / "var"),
            "TICKHOUSE_SIMULATOR_TAPE": "some.jsonl.gz",
            "TICKHOUSE_WORLD": settings.world,
        }
    )
    assert [in_use(tape, n) for n in (0.99, 10.99, 11)] == [None, "early", "late"]
    assert in_use(settings, 11) is None


def test_publishing_and_rollback_record_the_times_that_a_replay_goes_by(tmp_path: Path) -> None:
    publish_two(tmp_path)
    rollback(tmp_path)
    moves = read_publications(tmp_path)
    assert [one.forecast_id for one in moves] == ["early", "late", "early"]
    to_minutes = [(one.at_us - signal(0).timestamp) / 60_000_000 for one in moves]
    assert to_minutes[:2] == [0, 10]
    forecasts = PublishedForecasts(tmp_path, symbol="BTC-USD")
    found, _ = forecasts.in_force(signal(to_minutes[2] - 1))
    again, _ = forecasts.in_force(signal(to_minutes[2]))
    assert found is not None and again is not None
    assert (found.forecast_id, again.forecast_id) == ("late", "early")


def test_a_damaged_record_is_named_and_the_next_publishing_begins_another(
    settings: Settings,
) -> None:
    record(settings, (3, "early"))
    file = settings.forecasts / PUBLICATIONS
    file.write_bytes(file.read_bytes().replace(b"early", b"eArly"))
    with pytest.raises(StateError, match=r"publications\.json is damaged"):
        in_use(settings, 60)
    record(settings, (30, "late"))
    assert [one.forecast_id for one in read_publications(settings.forecasts)] == ["late"]


def test_a_lake_without_signals_is_reported(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="no book_changes and no signals yet"):
        LakeSpan(load({"TICKHOUSE_VAR": str(tmp_path)}), start_at=NOON, end_at=NOON + MINUTE)
