"""Any published forecast can be made again, bit for bit, from the versions that it names."""

import shutil
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from cli.main import cli
from include.errors import ForecastError, QueryError
from include.forecast import draft_forecast, publishing, training
from include.forecast.forecast_file import CSV_FILE, MANIFEST, MANIFEST_SHA256
from include.forecast.manifest import Manifest
from include.forecast.reproduce import matches_manifest, reproduce_forecast
from include.settings import Settings
from tests.support.forecast_world import MINUTE, NOW, T0, wave, write_history, write_trades


def published(settings: Settings, days: int) -> Manifest:
    write_history(settings, wave(days))
    end = T0 + timedelta(days=days)
    write_trades(settings, [(end + MINUTE * n, 9000.0 + n) for n in range(3)])
    record = training.train(settings, symbol="BTC-USD", as_of=None, train_days=0, now=NOW)
    manifest = draft_forecast.draft(settings, name=record.model, horizon_minutes=90, now=NOW)
    return publishing.publish_draft(settings, manifest.forecast_id)


def overtaken(settings: Settings, days: int) -> None:
    """Later versions of the inputs say something else, and the model is gone."""
    other = [9000.0 if close is None else 2 * close for close in wave(days)]
    write_history(settings, list(other), source="other", loaded_at=NOW + timedelta(days=1))
    write_trades(settings, [(T0 + timedelta(days=days) + MINUTE / 2, 5.0)])
    shutil.rmtree(settings.home / "models")


@pytest.mark.parametrize("days", [3, 22])
def test_it_is_the_same_bit_for_bit_after_its_inputs_have_changed(
    settings: Settings, days: int
) -> None:
    manifest = published(settings, days)
    overtaken(settings, days)
    read_manifest, content = reproduce_forecast(settings, manifest.forecast_id)
    assert (read_manifest, matches_manifest(read_manifest, content)) == (manifest, True)
    file = settings.forecasts / manifest.forecast_id / CSV_FILE
    assert content == file.read_bytes()


def test_other_versions_of_its_inputs_give_another_forecast(settings: Settings) -> None:
    manifest = published(settings, 3)
    overtaken(settings, 3)
    newer = msgspec.structs.replace(manifest, versions={"history_minutes": 1, "trades": 1})
    place = settings.forecasts / manifest.forecast_id / MANIFEST
    place.write_bytes(msgspec.json.encode(newer))
    (place.parent / MANIFEST_SHA256).unlink()
    assert not matches_manifest(*reproduce_forecast(settings, manifest.forecast_id))


def test_what_is_no_longer_kept_is_said(settings: Settings) -> None:
    manifest = published(settings, 3)
    for file in Path(settings.lake, "history_minutes").glob("*.parquet"):
        file.unlink()
    with pytest.raises(QueryError, match="files of version 0 of history_minutes are missing"):
        reproduce_forecast(settings, manifest.forecast_id)
    with pytest.raises(ForecastError, match="nonesuch"):
        reproduce_forecast(settings, "nonesuch")


def test_the_verb_says_whether_it_is_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    manifest = published(settings, 3)
    monkeypatch.setattr("cli.trading.from_environment", lambda: settings)
    target = tmp_path / "again.csv"
    command = ["forecast", "reproduce", manifest.forecast_id]
    outcome = CliRunner().invoke(cli, [*command, "--output", str(target)])
    assert (outcome.exit_code, "the same, bit for bit" in outcome.output) == (0, True), (
        outcome.output
    )
    folder = settings.forecasts / manifest.forecast_id
    assert target.read_bytes() == (folder / CSV_FILE).read_bytes()
    (folder / MANIFEST).write_bytes(
        msgspec.json.encode(
            msgspec.structs.replace(manifest, trained_until=manifest.trained_until - MINUTE)
        )
    )
    (folder / MANIFEST_SHA256).unlink()
    assert CliRunner().invoke(cli, command).exit_code != 0
