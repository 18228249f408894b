"""What the tasks of `ingest_history` do, with this process's settings and clock."""

from datetime import UTC, datetime, timedelta

from include.orchestration.subprocesses import run_module
from include.settings import from_environment

LOADER = "spark_jobs.load_history"


def stage_file(
    *, source: str | None, symbol: str | None, since: datetime | None = None,
    until: datetime | None, run: str,
) -> str:  # fmt: skip
    """Read an archive into the staging table; give the symbol it is of."""
    of = symbol or from_environment().forecast.symbol
    first, end = (one.isoformat() if one else "" for one in (since, until))
    run_module(
        LOADER, "stage", "--source", source or "", "--symbol", of, "--run-id", run,
        "--since", first, "--until", end,
    )  # fmt: skip
    return of


def pass_history(*, until: datetime | None = None, run: str) -> int:
    """Put the staged rows through their gate; give their number."""
    from include.quality.gate import EVER, check_history

    settings, now = from_environment(), datetime.now(UTC)
    most = timedelta(hours=settings.quality.archive_hours)
    return check_history(
        settings.lake, run_id=run, now=now, pages=settings.home / "quality",
        fresh_since=min(until or now, now) - most if most else EVER,
    )  # fmt: skip


def land_staged(*, run: str) -> int:
    """Merge the staged rows into `history_minutes`; give their number."""
    return int(run_module(LOADER, "land", "--run-id", run))
