"""The ways to write something that must survive a power cut, each with what a cut may leave of it.

`write` works for ever from a number on and gives each number once it is promised to be durable;
`newest` looks at what is there after a cut: the highest number, everything whole.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from include import atomic_files
from include.bus import Spool, SpooledRecord
from include.market.events import Message, Trade
from include.market.wire import Topic

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KEPT_IN_SPOOL = 5
PADDING = "x" * 20_000  # several pages: half of a file is a state of its own


class Mechanism(ABC):
    """One way to write."""

    @abstractmethod
    def write(self, folder: Path, first: int) -> Iterator[int]:
        """Write number after number; each is yielded once it is durable."""

    @abstractmethod
    def newest(self, folder: Path) -> int:
        """The newest number there; -1 if there is none. Asserts that nothing is torn."""


class File(Mechanism):
    """One file, replaced again and again."""

    def write(self, folder: Path, first: int) -> Iterator[int]:
        for number in count(first):
            content = json.dumps({"number": number, "padding": PADDING})
            atomic_files.write_file(folder / "file.json", content)
            yield number

    def newest(self, folder: Path) -> int:
        path = folder / "file.json"
        return int(json.loads(path.read_text())["number"]) if path.exists() else -1


class Unsynced(File):
    """The same as it must not be done: it shows that the disk forgets."""

    def write(self, folder: Path, first: int) -> Iterator[int]:
        for number in count(first):
            draft = folder / "draft"
            draft.write_text(json.dumps({"number": number, "padding": PADDING}))
            draft.replace(folder / "file.json")
            yield number


class SpoolFolder(Mechanism):
    """A feed's spool: records appended, all but the newest sent and acknowledged."""

    def write(self, folder: Path, first: int) -> Iterator[int]:
        spool = Spool(folder / "feed.spool", max_bytes=10**7, segment_bytes=200_000)
        for number in count(first):
            assert spool.append(SpooledRecord("t", b"%d" % number, PADDING.encode()))
            while spool.count > KEPT_IN_SPOOL:
                spool.take()
                spool.release(1)
            spool.sync()
            yield number

    def newest(self, folder: Path) -> int:
        spool = Spool(folder / "feed.spool", max_bytes=10**7, segment_bytes=200_000)
        there = [int(record.key) for record in spool]
        spool.close()
        assert there == list(range(there[0], there[0] + len(there))) if there else True
        return there[-1] if there else -1


class Folder(Mechanism):
    """Folders of two files each; those before the newest two are removed."""

    def write(self, folder: Path, first: int) -> Iterator[int]:
        for draft in folder.glob(f"{atomic_files.PARTIAL}[0-9]*"):
            atomic_files.remove_folder(draft)
        for number in count(first):
            files = {"a": b"%d" % number, "b": PADDING.encode()}
            atomic_files.write_folder(folder / str(number), files)
            if (old := folder / str(number - 2)).exists():
                atomic_files.remove_folder(old)
            yield number

    def newest(self, folder: Path) -> int:
        there = sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
        for number in there:
            assert (folder / str(number) / "a").read_bytes() == b"%d" % number
            assert (folder / str(number) / "b").read_text() == PADDING
        return there[-1] if there else -1


class Forecast(Mechanism):
    """Published forecasts, the newest two kept."""

    def write(self, folder: Path, first: int) -> Iterator[int]:
        from tests.support.forecast_files import put

        for number in count(first):
            made_at = EPOCH + timedelta(days=number)
            put(folder, float(number), keep=2, rows=400, made_at=made_at)
            yield number

    def newest(self, folder: Path) -> int:
        from include.forecast.forecast_file import current_id, load_current

        if not folder.exists() or current_id(folder) is None:
            return -1
        return (load_current(folder).manifest.made_at - EPOCH).days


class LastIds(Mechanism):
    """The last trade ids of a feed, as its producer's acknowledgements move them."""

    def write(self, folder: Path, first: int) -> Iterator[int]:
        from include.market import wire
        from streaming.feeds.last_trade_ids import LastTradeIds

        last_ids = LastTradeIds(folder / "ids.json")
        for number in count(first):
            trade = trade_message(number)
            last_ids.count_sent((Topic.TRADES, wire.encode_key(trade), wire.encode(trade)), trade)
            last_ids.acknowledge(sent_count=number, through=number)
            last_ids.save()
            yield number

    def newest(self, folder: Path) -> int:
        from streaming.feeds.last_trade_ids import LastTradeIds

        return int(LastTradeIds(folder / "ids.json").by_symbol.get("BTC-USDT", -1))


class Replaced(Mechanism):
    """Rows of a Delta table, those of one run replaced by the next, written by delta-rs."""

    def write(self, folder: Path, first: int) -> Iterator[int]:
        from include.lake.tables import QUALITY_RESULTS
        from include.lake.writing import arrow_rows, replace_rows

        for number in count(first):
            rows = arrow_rows(QUALITY_RESULTS, [quality_row(number)])
            replace_rows(str(folder), QUALITY_RESULTS, rows, suite="lake")
            yield number

    def newest(self, folder: Path) -> int:
        return max(numbers_in(folder, "quality_results", "observed"), default=-1)


class Merged(Replaced):
    """Rows of a Delta table merged by their key, those of two days in two commits."""

    def write(self, folder: Path, first: int) -> Iterator[int]:
        from include.lake.tables import QUALITY_RESULTS
        from include.lake.writing import arrow_rows, merge_by_day

        for number in count(first):
            rows = [quality_row(number - n) | {"checked_at": EPOCH + n * DAY} for n in (0, 1)]
            merge_by_day(
                str(folder),
                QUALITY_RESULTS,
                arrow_rows(QUALITY_RESULTS, rows),
                column="checked_at",
            )
            yield number


def quality_row(number: int) -> dict[str, Any]:
    return {
        "run_id": "run",
        "suite": "lake",
        "expectation": str(number % 10),
        "success": True,
        "observed": str(number),
        "checked_at": EPOCH,
    }


def numbers_in(lake: Path, name: str, column: str) -> list[int]:
    """The numbers of a column of a Delta table; none if the table was never made."""
    from deltalake import DeltaTable

    from include.lake.delta_log import cut_log, find_log_damage

    if not (lake / name / "_delta_log").exists():
        return []
    if damage := find_log_damage(lake / name):
        assert damage.is_unreferenced, damage.fault
        cut_log(damage, lake / "damaged" / str(len(list(lake.glob("damaged/*")))))
        if damage.intact_version < 0:
            return []
    rows = DeltaTable(str(lake / name)).to_pyarrow_table(columns=[column])
    return [int(text) for text in rows[column].to_pylist()]


def trade_message(number: int) -> Message:
    trade = Trade(
        trade_id=str(number),
        price=Decimal(9000),
        quantity=Decimal(1),
        side="buy",
        traded_at=1_763_712_000_000_000,
    )
    return Message(
        venue="binance",
        symbol="BTC-USDT",
        kind="trade",
        conn="c",
        seq=(number, number),
        venue_time=None,
        received_time=1_763_712_000_000_000,
        events=(trade,),
    )


MECHANISMS: dict[str, Mechanism] = {
    "spool": SpoolFolder(),
    "replaced": Replaced(),
    "merged": Merged(),
    "last ids": LastIds(),
    "file": File(),
    "folder": Folder(),
    "forecast": Forecast(),
    "unsynced": Unsynced(),
}
