"""Programs are restarted one by one, each when the one before works; nothing unknown is touched."""

from pathlib import Path
from typing import Any

import pytest

from include.errors import PlatformError
from include.local import rolling
from include.local.program import WORK_STAGE, Program
from include.local.rolling import restart_programs
from include.local.supervisor import ProcessState
from include.serving.stream_progress import progress_file
from include.settings import Settings

NAMES = ("feed-gemini", "stream", "trader")


class Supervised:
    """Programs that are ready when they were asked three times since their start."""

    def __init__(self, *, broken: str = "") -> None:
        self.steps: list[str] = []
        self.broken, self.looks = broken, dict.fromkeys(NAMES, 3)

    def processes(self) -> list[ProcessState]:
        names = (*NAMES, "feed-deribit", "feed-binance", "feed-binance-2")
        return [ProcessState(name, "running", 1, 60) for name in names]

    def has(self, name: str) -> bool:
        return name in NAMES

    def stop(self, name: str) -> None:
        self.steps.append(f"stop {name}")
        self.looks[name] = 0

    def start(self, name: str) -> None:
        self.steps.append(f"start {name}")

    def runs(self, name: str) -> bool:
        return self.steps[-1] == f"start {name}"

    def is_ready(self, name: str) -> bool:
        self.looks[name] += 1
        if self.looks[name] < 3 or name == self.broken:
            return False
        others = [other for other in NAMES if self.looks[other] < 3]
        assert others == [], f"{others} do not work while {name} is waited for"
        self.steps.append(f"ready {name}")
        return True


@pytest.fixture
def world(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(rolling, "LOOK_EVERY_S", 0.0)
    return settings


def restart(
    world: Settings, supervised: Supervised, monkeypatch: pytest.MonkeyPatch, *names: str
) -> list[str]:
    def list_programs(_: Settings) -> list[Program]:
        def ask(name: str) -> Any:
            return lambda: supervised.is_ready(name)

        return [Program(name, WORK_STAGE, [], ask(name), ready_s=0.2) for name in NAMES]

    monkeypatch.setattr(rolling, "list_programs", list_programs)
    lines: list[str] = []
    restart_programs(world, supervised, names, print_line=lines.append)  # type: ignore[arg-type]
    return lines


def test_each_is_restarted_once_when_the_one_before_works(
    world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised = Supervised()
    order = ("trader", "feed-gemini", "trader")
    lines = restart(world, supervised, monkeypatch, *order)
    assert supervised.steps == [
        f"{step} {name}"
        for name in ("trader", "feed-gemini")
        for step in ("stop", "start", "ready")
    ]
    assert [line.partition(" (")[0] for line in lines] == [
        "restarting trader",
        "ready: trader",
        "restarting feed-gemini",
        "ready: feed-gemini",
    ]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("trader", "feed-kraken"), "no process is named 'feed-kraken'; there are feed-gemini, "),
        (("trader", "feed-deribit"), "by the settings as they are now there is no feed-deribit"),
        (
            ("feed-binance",),
            r"the feed of binance is feed-binance, and feed-binance, feed-binance-2",
        ),
    ],
)
def test_what_is_unknown_is_named_before_anything_is_stopped(
    world: Settings, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], sentence: str
) -> None:
    supervised = Supervised()
    with pytest.raises(PlatformError, match=sentence):
        restart(world, supervised, monkeypatch, *names)
    assert supervised.steps == []


def test_one_that_does_not_come_back_leaves_the_others_alone(
    world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised, log = Supervised(broken="stream"), world.home / "logs" / "stream.log"
    log.parent.mkdir(parents=True)
    log.write_text("settled\nno such broker\n")
    with pytest.raises(PlatformError, match=r"stream was not ready within 0 s; .* no such broker"):
        restart(world, supervised, monkeypatch, *NAMES)
    assert "stop trader" not in supervised.steps and "ready feed-gemini" in supervised.steps


def test_the_progress_of_the_stopped_stream_does_not_count(
    world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = Path(progress_file(world))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("{}")
    restart(world, Supervised(), monkeypatch, "trader")
    assert report.exists(), "of the stream alone it says that it is ready"
    restart(world, Supervised(), monkeypatch, "stream")
    assert not report.exists()
