"""State files: what is damaged is named, and never taken for something else."""

from pathlib import Path

import msgspec
import pytest

from include.errors import ForecastError, StateError
from include.forecast import forecast_file, training
from include.local.status import last_audit
from include.serving.stream_progress import progress_file, read_progress
from include.settings import load
from include.state_files import read_checked_file, read_json_file, write_checked_file

DAMAGED = [b"", bytes(40), b"{", b"null", b"[]", b'{"ok": 5}', b"\xff\xfe"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "audit.json"
    path.write_bytes(content)
    with pytest.raises(StateError, match=f"the file {path} is damaged"):
        read_json_file(path, dict[str, bool])


def test_a_file_that_is_not_there_is_no_damage(tmp_path: Path) -> None:
    assert read_json_file(tmp_path / "audit.json", dict[str, bool]) is None
    assert read_checked_file(tmp_path / "ids.json", dict[str, int]) is None


def test_a_checked_file_comes_back_and_another_digit_in_it_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "ids.json"
    write_checked_file(path, {"BTC-USDT": 1234})
    assert read_checked_file(path, dict[str, int]) == {"BTC-USDT": 1234}
    path.write_bytes(path.read_bytes().replace(b"1234", b"1235"))
    with pytest.raises(StateError, match="checksum"):
        read_checked_file(path, dict[str, int])


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_audit_report_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    settings.home.mkdir(parents=True)
    (settings.home / "audit.json").write_bytes(content)
    with pytest.raises(StateError, match=r"audit\.json is damaged"):
        last_audit(settings)


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_progress_is_logged_and_counts_as_none(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    settings.home.mkdir(parents=True)
    progress_file(settings).write_bytes(b"null" if content == b'{"ok": 5}' else content)
    assert read_progress(settings).queries == ()
    assert "stream.json is damaged" in caplog.text


def test_a_damaged_model_record_leaves_the_others_usable(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    fields = dict.fromkeys(("trained_from", "trained_until", "as_of", "made_at"), "2026-01-01")
    sound = {
        **dict.fromkeys(("model", "symbol", "fitted_by"), "a"),
        **{name: f"{day}T00:00:00Z" for name, day in fields.items()},
        **dict.fromkeys(("rows", "fit_s", "walk"), 1),
        "versions": {},
        "metrics": {},
    }
    for name, content in (("a", msgspec.json.encode(sound)), ("b", b""), ("c", bytes(9))):
        (settings.home / "models" / name).mkdir(parents=True)
        (settings.home / "models" / name / "record.json").write_bytes(content)
    assert [record.model for record in training.list_models(settings)] == ["a"]
    assert "models/b/record.json is damaged" in caplog.text
    with pytest.raises(StateError, match=r"models/c/record\.json is damaged"):
        training.record_of(settings, "c")


@pytest.mark.parametrize("content", [b"", bytes(20), b"\xff\xfe"])
def test_a_damaged_pointer_to_the_forecast_is_a_forecast_error(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "CURRENT").write_bytes(content)
    with pytest.raises(ForecastError):
        forecast_file.load_current(tmp_path)
