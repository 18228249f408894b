"""A reader sees the old forecast or the new one, whole, whatever dies while one is published."""

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include.errors import ForecastError
from include.forecast import forecast_file
from include.forecast.forecast_file import (
    current_id,
    load_current,
    publish,
    published_manifests,
    rollback,
)
from include.forecast.manifest import Manifest
from tests.support.forecast_files import MINUTE, START, made, put

START_US = 1_524_546_000_000_000


def test_the_csv_is_as_written_by_hand() -> None:
    content, _ = made(9000.5, rows=2)
    assert content == (
        b"ds,side,yhat,yhat_lower,yhat_upper\n"
        b"2018-04-24 05:00:00,sell,9000.5,8999.5,9009.5\n"
        b"2018-04-24 05:01:00,buy,9001.5,8999.5,9009.5\n"
    )


def test_a_published_forecast_answers_for_its_own_minutes_only(tmp_path: Path) -> None:
    put(tmp_path, 100.0)
    forecast = load_current(tmp_path)
    minute_us = 60_000_000
    assert forecast.side_at(START_US - 1) is None
    assert forecast.side_at(START_US) == "sell"
    assert forecast.side_at(START_US + minute_us - 1) == "sell"
    assert forecast.side_at(START_US + minute_us) == "buy"
    assert forecast.side_at(START_US + 3 * minute_us) is None
    point = forecast.point_at(START_US + 2 * minute_us)
    assert point is not None
    assert (point.yhat, point.yhat_lower, point.yhat_upper) == (102.0, 99.0, 109.0)


def test_publishing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    first = put(tmp_path, 100.0)
    second = put(tmp_path, 100.0, day=2)
    assert second == first
    assert len(published_manifests(tmp_path)) == 1


def test_only_the_last_ones_are_kept_but_the_current_one_always(tmp_path: Path) -> None:
    ids = [put(tmp_path, float(n), day=n, keep=2).forecast_id for n in range(1, 5)]
    assert [manifest.forecast_id for manifest in published_manifests(tmp_path)] == [ids[3], ids[2]]
    put(tmp_path, 1.0, day=1, keep=2)  # older than both, but current
    assert current_id(tmp_path) == ids[0]
    load_current(tmp_path)


def test_rollback_goes_one_back_and_then_has_nowhere_to_go(tmp_path: Path) -> None:
    old, new = put(tmp_path, 1.0, day=1), put(tmp_path, 2.0, day=2)
    assert load_current(tmp_path).manifest == new
    assert rollback(tmp_path) == old
    assert load_current(tmp_path).manifest == old
    with pytest.raises(ForecastError, match="older"):
        rollback(tmp_path)


def test_nothing_published_is_said(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="no forecast is published"):
        load_current(tmp_path)


def flip_a_bit(path: Path, before: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(before) + len(before)] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "forecast.csv").unlink(), "no readable forecast.csv"),
        (lambda folder: os.truncate(folder / "forecast.csv", 60), "damaged"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest"),
        (lambda folder: flip_a_bit(folder / "manifest.json", b'"rows": '), "another sha256"),
        (lambda folder: (folder / "manifest.json.sha256").write_bytes(b""), "another sha256"),
    ],
)
def test_a_torn_forecast_is_refused_and_publishing_again_replaces_it(
    tmp_path: Path, harm: Callable[[Path], Any], message: str
) -> None:
    manifest = put(tmp_path, 1.0)
    harm(tmp_path / manifest.forecast_id)
    with pytest.raises(ForecastError, match=message):
        load_current(tmp_path)
    put(tmp_path, 1.0)
    assert load_current(tmp_path).manifest.sha256 == manifest.sha256


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 4},
        {"last_ds": START + MINUTE * 5},
        {"first_ds": START + MINUTE},
    ],
)
def test_a_manifest_that_claims_other_rows_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    content, manifest = made(1.0)
    fields = {name: getattr(manifest, name) for name in manifest.__struct_fields__}
    with pytest.raises(ForecastError):
        publish(tmp_path, content=content, manifest=Manifest(**fields | changes), keep=9)
    assert current_id(tmp_path) is None


def test_a_side_of_hold_is_read(tmp_path: Path) -> None:
    content = made(1.0)[0].replace(b"buy", b"hold")
    _, manifest = made(1.0, sha256=hashlib.sha256(content).hexdigest())
    publish(tmp_path, content=content, manifest=manifest, keep=9)
    assert [point.side for point in load_current(tmp_path).points] == ["sell", "hold", "sell"]


def test_a_side_that_is_none_of_the_three_is_refused(tmp_path: Path) -> None:
    content = made(1.0)[0].replace(b"buy", b"wait")
    _, manifest = made(1.0, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(ForecastError, match="side"):
        publish(tmp_path, content=content, manifest=manifest, keep=9)


def test_a_publisher_that_dies_at_any_step_leaves_the_old_or_the_new_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current_ids = set()
    for step in range(100):
        folder = tmp_path / str(step)
        old = put(folder, 1.0, day=1)
        finished = _dies_at(step, folder, monkeypatch)
        now = load_current(folder).manifest
        new = made(2.0, day=2)[1]
        assert now in (old, new)
        current_ids.add(now.forecast_id)
        assert put(folder, 2.0, day=2) == new  # and the next try comes through
        assert load_current(folder).manifest == new
        assert not list(folder.glob(".partial*"))
        if finished:
            break
    assert finished
    assert step >= 10
    assert len(current_ids) == 2  # some deaths were before the switch, some after


def _dies_at(step: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Publish in a child process that ends, without any clean-up, before the given system call."""
    child = os.fork()
    if child == 0:
        calls_before = [step]

        def counted(call: Callable[..., Any]) -> Callable[..., Any]:
            def guarded(*args: Any, **named: Any) -> Any:
                if calls_before[0] == 0:
                    os._exit(9)
                calls_before[0] -= 1
                return call(*args, **named)

            return guarded

        for name in ("open", "fsync", "rename", "replace", "mkdir"):
            monkeypatch.setattr(os, name, counted(getattr(os, name)))
        monkeypatch.setattr(Path, "open", counted(Path.open))
        put(folder, 2.0, day=2)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_reader_polling_while_forecasts_are_published_sees_only_whole_ones(
    tmp_path: Path,
) -> None:
    put(tmp_path, 0.0, rows=500)
    published_all, faults, reads = threading.Event(), [], 0

    def publishing() -> None:
        for n in range(1, 25):
            put(tmp_path, float(n), rows=500, day=n, keep=2)
        published_all.set()

    writer = threading.Thread(target=publishing)
    writer.start()
    while not published_all.is_set() or not reads:
        try:
            assert len(load_current(tmp_path).points) == 500
            reads += 1
        except ForecastError as error:
            faults.append(str(error))
            break
    writer.join()
    assert not faults
    assert load_current(tmp_path).point_at(START_US).yhat == 24.0  # type: ignore[union-attr]


def test_the_reader_needs_no_heavy_package() -> None:
    text = Path(forecast_file.__file__).read_text()
    assert not any(f"import {name}" in text for name in ("pandas", "numpy", "prophet"))
