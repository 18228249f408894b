"""Fits a walk of so many minutes and says the peak of its memory: `… fitting_child ROWS WHOLE`."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from include.forecast import fit

MB = 1024  # /proc is in kilobytes


def walk(rows: int) -> pd.DataFrame:
    draw = np.random.default_rng(3)
    close = 9000 * np.exp(np.cumsum(draw.normal(0, 5e-4, rows)))
    return pd.DataFrame(
        {"ds": pd.date_range("2013-01-01", periods=rows, freq="min"), "close": close}
    )


def peak_mb() -> int:
    # (ru_maxrss would be the parent's where that is larger: it outlives exec)
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // MB


def main(rows: int, *, whole: bool) -> None:
    frame = walk(rows)
    if whole:
        fit.LARGE_ROWS = rows + 1
    before, began = peak_mb(), time.monotonic()
    fitted = fit.fit(frame)
    memory_mb = {
        "before": before,
        "peak": peak_mb(),
        "fit_s": round(time.monotonic() - began, 1),
        "by": fitted.fitted_by,
    }
    print(json.dumps(memory_mb))


if __name__ == "__main__":
    main(int(sys.argv[1]), whole=sys.argv[2] == "whole")
