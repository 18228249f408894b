"""`up` follows its world until it is taken down, here or elsewhere."""

from pathlib import Path

import pytest

from include.local import milestones
from include.settings import load


def test_it_ends_when_another_command_took_the_platform_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True, True, False])
    monkeypatch.setattr(milestones.SupervisorClient, "is_running", lambda _: next(answers))
    monkeypatch.setattr(milestones, "list_milestones", lambda *_: iter(["rows are landing"]))
    monkeypatch.setattr(milestones, "EVERY_S", 0.0)
    lines: list[str] = []
    milestones.watch_milestones(load({"TICKHOUSE_VAR": str(tmp_path)}), print_line=lines.append)
    assert lines[1:] == ["rows are landing", "it was taken down elsewhere"]


def test_it_ends_at_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(milestones.SupervisorClient, "is_running", lambda _: True)
    monkeypatch.setattr(milestones, "list_milestones", interrupted)
    lines: list[str] = []
    milestones.watch_milestones(load({"TICKHOUSE_VAR": str(tmp_path)}), print_line=lines.append)
    assert len(lines) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_damaged_pointer_to_the_forecast_is_no_milestone(
    tmp_path: Path, content: bytes | None
) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    pointer = settings.home / "forecasts" / "CURRENT"
    pointer.parent.mkdir(parents=True)
    pointer.mkdir() if content is None else pointer.write_bytes(content)
    assert list(milestones._forecast_milestones(settings)) == []
