"""Forecasts by hand for tests of publishing; imports nothing heavy, so that children start fast."""

import hashlib
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
