"""What the task of `check_lake` does, with this process's settings and clock."""

from datetime import UTC, datetime

from include.settings import from_environment


def pass_lake(*, run: str) -> int:
    """Put the streamed tables through their suites; give the rows looked at."""
    from include.quality.lake_gate import check_lake
    from include.quality.results import Desk

    settings = from_environment()
    desk = Desk(settings.lake, run, datetime.now(UTC), settings.home / "quality")
    return check_lake(desk, settings.quality)
