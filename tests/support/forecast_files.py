"""Forecasts by hand for tests of publishing; imports nothing heavy, so that children start fast."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from include.forecast.forecast_file import publish, render
from include.forecast.manifest import Manifest

START = datetime(2018, 4, 24, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def made(level: float, *, rows: int = 3, day: int = 1, **changes: Any) -> tuple[bytes, Manifest]:
    lines = [
        (START + MINUTE * n, "buy" if n % 2 else "sell", level + n, level - 1, level + 9)
        for n in range(rows)
    ]
    content = render(lines)
    digest = hashlib.sha256(content).hexdigest()
    fields = {
        "forecast_id": f"BTC-USD-{digest[:8]}",
        "symbol": "BTC-USD",
        "world": "test",
        "sha256": digest,
        "rows": rows,
        "first_ds": START,
        "last_ds": START + MINUTE * (rows - 1),
        "trained_until": START - MINUTE,
        "made_at": datetime(2026, 1, day, tzinfo=UTC),
        "model": "m",
        "fitted_by": "map",
        "versions": {"trades": 3},
        "metrics": {},
        **changes,
    }
    return content, Manifest(**fields)


def put(folder: Path, level: float, *, keep: int = 10, **changes: Any) -> Manifest:
    content, manifest = made(level, **changes)
    return publish(folder, content=content, manifest=manifest, keep=keep)


def publish_champion(
    folder: Path,
    levels: Sequence[float],
    *,
    first_at: datetime,
    made_at: datetime,
    **changes: Any,
) -> str:
    """Publish a forecast of these levels, a minute each, as the one in use; give its id."""
    content = render(
        (first_at + MINUTE * n, "buy", level, level - 1, level + 1)
        for n, level in enumerate(levels)
    )
    digest = hashlib.sha256(content).hexdigest()
    fields = {
        "forecast_id": f"champion-{digest[:8]}",
        "symbol": "BTC-USD",
        "world": "sim",
        "sha256": digest,
        "rows": len(levels),
        "first_ds": first_at,
        "last_ds": first_at + MINUTE * (len(levels) - 1),
        "trained_until": first_at - MINUTE,
        "made_at": made_at,
        "model": "m",
        "fitted_by": "map",
        "versions": {},
        "metrics": {},
        **changes,
    }
    return publish(folder, content=content, manifest=Manifest(**fields), keep=9).forecast_id
