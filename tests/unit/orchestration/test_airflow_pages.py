"""The pages that the plugin adds to Airflow: reports rendered safely, nothing from elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from include.settings import load

PNG = b"\x89PNG\r\n\x1a\nrest"
RUN = "manual__2026-11-21T12:18:15.498029+00:00"
PAGE = "manual__2026-11-21T12-18-15.498029-00-00"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path))
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    (settings.home / "quality").mkdir(parents=True)
    return settings.home


@pytest.fixture
def client() -> Iterator[Any]:
    from airflow.api_fastapi.core_api.security import get_user

    from include.orchestration.pages import app

    app.dependency_overrides[get_user] = lambda: "someone who is logged in"
    yield TestClient(app)
    app.dependency_overrides.clear()


def test_a_runs_report_is_shown_with_its_table_and_no_html_of_its_own(
    home: Path, client: Any
) -> None:
    text = "# Quality of run\n\n| | expectation |\n|---|---|\n| **FAILED** | <script>x</script> |\n"
    (home / "quality" / f"{PAGE}.md").write_text(text)
    page = client.get(f"/quality/{RUN}")
    assert page.status_code == 200 and "<strong>FAILED</strong>" in page.text
    assert "<table>" in page.text and "<script>" not in page.text


def test_a_run_without_a_report_says_who_writes_one(home: Path, client: Any) -> None:
    page = client.get("/quality/manual__1")
    assert page.status_code == 200 and "No quality report of this run" in page.text


def test_pictures_are_served_and_nothing_else_of_the_folder(home: Path, client: Any) -> None:
    (home / "quality" / f"{PAGE}.png").write_bytes(PNG)
    (home / "secret.png").write_bytes(PNG)
    assert client.get(f"/quality/{PAGE}.png").content == PNG
    for elsewhere in ("..%2Fsecret.png", "%2E%2E%2Fsecret.png", "none.png"):
        assert client.get(f"/quality/{elsewhere}").status_code == 404


def test_published_forecasts_are_listed_newest_first_with_their_plots(
    home: Path, client: Any
) -> None:
    for name in ("20261120", "20261121"):
        (home / "forecasts" / name).mkdir(parents=True)
        (home / "forecasts" / name / "manifest.json").write_text('{"model": "<m>"}')
    (home / "forecasts" / "20261121" / "forecast.png").write_bytes(PNG)
    text = client.get("/forecasts").text
    assert text.index("20261121") < text.index("20261120")
    assert "/tickhouse/forecasts/20261121/forecast.png" in text and "&lt;m&gt;" in text
    assert client.get("/forecasts/20261121/forecast.png").content == PNG
    assert client.get("/forecasts/20261121/manifest.json").status_code == 404


def test_who_is_not_logged_in_sees_nothing(home: Path) -> None:
    from include.orchestration.pages import app

    paths = [route for route in app.routes if getattr(route, "path", "") != ""]
    assert len(paths) == 3
    refused = TestClient(app, raise_server_exceptions=False).get("/forecasts")
    assert refused.status_code in {401, 403}
