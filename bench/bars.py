"""The minutes of an archive of bars on this machine, without Spark: for measuring, not landing."""

import tempfile
import zipfile
from pathlib import Path

import pandas as pd

from include.errors import HistoryError
from include.lake.archive import first_lines, unzip
from include.lake.csv_editions import Edition, recognise


def closes_of(path: Path) -> pd.DataFrame:
    """`ds` (naive UTC, start of the minute, ascending) and `close` of each minute with a trade.

    Raises:
        HistoryError: there is no such file, it is no edition that we know, or it is broken.
    """
    if not path.is_file():
        raise HistoryError(f"history file {path} does not exist")
    with tempfile.TemporaryDirectory(prefix="tickhouse-bars-") as folder:
        file = unzip(path, Path(folder)) if zipfile.is_zipfile(path) else path
        edition = recognise(first_lines(file))
        bars = _read(file, edition).drop_duplicates("time")
    has_trade = bars["close"].notna() & (bars["base_volume"] > 0)
    if edition.repeats_are_silence:
        values = bars[list(edition.columns[1:])]
        has_trade &= ~(values == values.shift()).all(axis=1)
    traded = bars[has_trade].sort_values("time")
    stamps = (traded["time"] * edition.unit_us).astype("int64")
    ds = pd.to_datetime(stamps, unit="us").astype("datetime64[ns]")
    return pd.DataFrame({"ds": ds, "close": traded["close"]}).reset_index(drop=True)


def _read(file: Path, edition: Edition) -> pd.DataFrame:
    try:
        return pd.read_csv(
            file,
            names=list(edition.columns),
            skiprows=0 if edition.header is None else 1,
            dtype="float64",
        )
    except (ValueError, OSError, EOFError) as error:
        raise HistoryError(f"history file {file.name} cannot be read: {error}") from error
