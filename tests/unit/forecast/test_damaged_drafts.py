"""A draft whose file the disk changed is refused by name, at each step before it is in use."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from include.errors import ForecastError, TickhouseError
from include.forecast import drafts, publishing
from include.forecast.forecast_file import current_id
from include.orchestration.tasks import check_forecast
from include.settings import Settings, load
from tests.support.forecast_files import made


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    variables = {"TICKHOUSE_VAR": str(tmp_path)}
    monkeypatch.setattr("include.orchestration.tasks.from_environment", lambda: load(variables))
    return load(variables)


def write(settings: Settings, level: float) -> str:
    content, manifest = made(level)
    manifest = msgspec.structs.replace(manifest, plots=("a.png",))
    drafts.write_draft(settings, content, manifest, pictures={"a.png": b"picture"})
    return manifest.forecast_id


def flip(content: bytes) -> bytes:
    at = content.rindex(b",") + 1  # the first digit of the last bound
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGE = {
    "one bit": flip,
    "cut off": lambda content: content[: len(content) // 2],
    "NUL": lambda content: bytes(len(content)),
    "empty": lambda content: b"",
}
STEPS: dict[str, Any] = {
    "check": lambda settings, name: check_forecast(name, run_id="r"),
    "land": publishing.land_rows,
    "publish": publishing.publish_draft,
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_draft_is_named_and_the_one_in_use_stays(
    settings: Settings, damage: str, step: str
) -> None:
    in_use = write(settings, 10.0)
    publishing.publish_draft(settings, in_use)
    name = write(settings, 20.0)
    path = drafts.path_of(settings, name, ".csv")
    assert isinstance(path, Path)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(ForecastError, match=f"{name}.csv is damaged: its sha256"):
        STEPS[step](settings, name)
    assert current_id(settings.forecasts_of("BTC-USD")) == in_use
    assert not Path(settings.lake, "forecasts").exists()


def test_a_draft_whose_picture_is_gone_is_named(settings: Settings) -> None:
    name = write(settings, 10.0)
    picture = drafts.path_of(settings, name, ".a.png")
    picture.unlink()
    with pytest.raises(TickhouseError, match=r"lacks a picture: .*a\.png"):
        publishing.publish_draft(settings, name)
    assert current_id(settings.forecasts_of("BTC-USD")) is None
