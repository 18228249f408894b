"""What a world lets go each night."""

import os
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.errors import Transient
from include.orchestration import cleaning
from include.quality.page import put_page, remove_old_pages
from tests.conftest import make_settings

NOW = datetime(2026, 11, 26, 4, 20, tzinfo=UTC)
MONTH_AGO = NOW - timedelta(days=30)


def aged(path: Path, days: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    at = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (at, at))
    return path


def test_old_logs_go_with_their_folders(tmp_path: Path) -> None:
    old = aged(tmp_path / "logs" / "dag_id=a" / "run_id=1" / "attempt=1.log", 31)
    new = aged(tmp_path / "logs" / "dag_id=a" / "run_id=2" / "attempt=1.log", 29)
    (tmp_path / "logs" / "latest").symlink_to(tmp_path / "elsewhere")
    assert cleaning.remove_old_files(tmp_path / "logs", before_at=MONTH_AGO) == 1
    assert not old.parent.exists() and new.exists()
    assert cleaning.remove_old_files(tmp_path / "logs", before_at=MONTH_AGO) == 0
    assert cleaning.remove_old_files(tmp_path / "nowhere", before_at=MONTH_AGO) == 0


def test_what_repairs_set_aside_goes_by_the_time_in_its_name(tmp_path: Path) -> None:
    """A folder that was moved keeps its time of change: only its name says when."""
    settings = make_settings(tmp_path)
    home = settings.home
    gone = ["damaged/20261001T000000", "damaged/topics-20261001T000000"]
    gone.append("checkpoints/land.damaged-20261001T000000")
    kept = ["damaged/20261120T000000", "checkpoints/land.damaged-20261120T000000"]
    for name in (*gone, *kept, "checkpoints/land"):
        aged(home / name / "file", 90)
    assert cleaning.remove_damaged_files(settings, before_at=MONTH_AGO) == 3
    left = [name for name in (*gone, *kept, "checkpoints/land") if (home / name).exists()]
    assert left == [*kept, "checkpoints/land"]


def test_the_newest_pages_stay(tmp_path: Path) -> None:
    for number in range(5):
        page = put_page(tmp_path / f"run{number}.md", "x")
        page.with_suffix(".png").write_bytes(b"x")
        os.utime(page, (number, number))
    (tmp_path / "orphan.png").write_bytes(b"x")
    assert remove_old_pages(tmp_path, newest=2) == 3
    assert {path.name for path in tmp_path.iterdir()} == {
        "run3.md",
        "run3.png",
        "run4.md",
        "run4.png",
    }


def test_airflows_command_gets_the_age_and_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(tmp_path)
    script = tmp_path / "bin" / "airflow"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\necho ${cleaning.DATABASE}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv(cleaning.DATABASE, "airflow-db-not-allowed:///")
    address = cleaning.clean_airflow(settings, before_at=MONTH_AGO)
    assert address.startswith("postgresql+psycopg2://tickhouse:")
    assert (tmp_path / "said").read_text().split() == [
        "db",
        "clean",
        "--clean-before-timestamp",
        "2026-10-27T04:20:00+00:00",
        "--skip-archive",
        "--yes",
    ]
    script.write_text("#!/bin/sh\necho no table\nexit 3\n")
    with pytest.raises(Transient, match="airflow db clean ended with 3: no table"):
        cleaning.clean_airflow(settings, before_at=MONTH_AGO)
