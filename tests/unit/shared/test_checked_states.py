"""Every state that another number could be in: each bit of its file counts, as does its absence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from include.errors import StateError, TickhouseError
from include.forecast import drafts, training
from include.lake.audit import seals
from include.local import restarts
from include.local.status import LastAudit, last_audit
from include.serving.stream_progress import StreamProgress, progress_file, read_progress
from include.settings import Settings
from include.state_files import read_checked_file, write_checked_file

NAME = "m1"
RECORD = {
    "model": NAME,
    "symbol": "BTC-USD",
    **dict.fromkeys(("trained_from", "trained_until", "as_of", "made_at"), "2026-01-01T00:00:00Z"),
    "rows": 9,
    "fitted_by": "lbfgs",
    "fit_s": 1.0,
    "walk": 0.5,
    "versions": {},
    "metrics": {},
}
NEWEST = {"number": 4, "sha256": "a" * 64}
PROGRESS = {"written_at": 1700000000.5, "queries": []}
State = tuple[Path, object, Callable[[], object]]


def stream(settings: Settings) -> State:
    return progress_file(settings), PROGRESS, lambda: read_progress(settings).written_at


def audit(settings: Settings) -> State:
    def read() -> object:
        audit = last_audit(settings)
        return isinstance(audit, LastAudit) and audit.ok

    return settings.home / "audit.json", {"ok": True, "partitions": [], "checks": []}, read


def record(settings: Settings) -> State:
    path = settings.home / "models" / NAME / "record.json"
    return path, RECORD, lambda: training.record_of(settings, NAME)


def newest_seals(settings: Settings) -> State:
    folder = settings.home / "seals"
    return folder / seals.NEWEST, NEWEST, lambda: seals.read_seals(folder)


def starts(settings: Settings) -> State:
    path = settings.home / restarts.FOLDER / "kafka.json"
    read = lambda: restarts.recent_starts(settings.home, "kafka", now_s=20.0)  # noqa: E731
    return path, [10.5, 11.25], read


STATES = [stream, audit, record, newest_seals, starts]


def outcome(read: Callable[[], object], path: Path, noted: Callable[[], str]) -> object:
    """What is read, or the sentence that names the file."""
    try:
        value, text = read(), noted()
    except TickhouseError as error:
        value, text = None, str(error)
    return f"{path} is damaged" if f"{path} is damaged" in text else value


@pytest.fixture
def noted(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    def text() -> str:
        logged = caplog.text
        caplog.clear()
        return logged + capsys.readouterr().err

    return text


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_each_flipped_bit_and_each_missing_part_is_named(
    settings: Settings, state: Callable[[Settings], State], noted: Callable[[], str]
) -> None:
    path, content, read = state(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_checked_file(path, content)
    sound = outcome(read, path, noted)
    assert "is damaged" not in str(sound)
    whole, damage = path.read_bytes(), f"{path} is damaged"
    for bit in range(0, len(whole) * 8, 3):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        assert outcome(read, path, noted) == damage, (bit, bytes(flipped))
    for cut in (b"", bytes(len(whole)), whole[:-1], whole[: len(whole) // 2]):
        path.write_bytes(cut)
        assert outcome(read, path, noted) == damage, cut
    path.unlink()
    path.mkdir()
    assert outcome(read, path, noted) == damage
    shutil.rmtree(path)
    path.write_text(json.dumps(content))  # as an earlier version wrote it
    assert outcome(read, path, noted) == sound


def test_a_model_that_is_not_the_one_of_its_record_is_named(settings: Settings) -> None:
    folder = settings.home / "models" / NAME
    folder.mkdir(parents=True)
    write_checked_file(folder / "record.json", RECORD | {"model_crc32": 7})
    for content in (b"", bytes(9), b'{"a": 1}'):
        (folder / "model.json").write_bytes(content)
        with pytest.raises(StateError, match=r"model\.json is damaged"):
            training.load_model(settings, NAME)
    (folder / "model.json").unlink()
    with pytest.raises(StateError, match=r"model\.json is damaged: .*No such file"):
        training.load_model(settings, NAME)


def test_a_flipped_bit_in_a_drafts_manifest_is_named(settings: Settings) -> None:
    path = drafts.path_of(settings, "f1", ".json")
    assert isinstance(path, Path)
    path.parent.mkdir(parents=True)
    write_checked_file(path, msgspec.Raw(b'{"rows":10}'))
    path.write_bytes(path.read_bytes().replace(b"10", b"11"))
    with pytest.raises(StateError, match="is damaged: its checksum is another"):
        drafts.manifest_of(settings, "f1")


def test_only_what_has_no_part_of_a_checksum_is_of_an_earlier_version(tmp_path: Path) -> None:
    path = tmp_path / "stream.json"
    for content in ('{"state": {}}', '{"crc32": 5}', '{"crc33": 5, "state": {}}'):
        path.write_text(content)
        with pytest.raises(StateError):
            read_checked_file(path, StreamProgress, or_unchecked=True)
