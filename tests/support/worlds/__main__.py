"""Make a small world of the present schema: a row or two of each landed table, and what else is."""

import sys
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from include.lake.epoch import Epoch, write_epoch
from include.lake.tables import LANDED
from include.local.backup import back_up
from include.local.schema import require_schema
from include.market.wire import TopicPartition
from include.settings import load
from include.state_files import write_checked_file
from tests.support.lake_of_rows import at, put

MADE_AT = datetime(2026, 11, 26, tzinfo=UTC)


def main(folder: Path) -> None:
    """Make the world, and its backup in a new folder."""
    with tempfile.TemporaryDirectory() as var:
        settings = load({"TICKHOUSE_VAR": var, "TICKHOUSE_WORLD": "sim"})
        require_schema(settings, program="0", now=MADE_AT)
        for table in LANDED:
            put(settings.lake, table.name, [{"venue": "gemini", "symbol": "BTC-USD"}])
        trade = {"venue": "gemini", "symbol": "BTC-USD", "price": Decimal("60000.5")}
        put(settings.lake, "trades", [trade | {"traded_at": at("12:00:00"), "offset": 1}])
        marker = settings.home / "checkpoints/land/epoch.json"
        marker.parent.mkdir(parents=True)
        write_epoch(marker, Epoch({TopicPartition("market.trades", 0): 0}, {"market.trades": "id"}))
        (settings.home / "feeds").mkdir()
        write_checked_file(settings.home / "feeds/gemini.json", {"BTC-USD": 7})
        back_up(settings, folder, made_at=MADE_AT, program="0", print_line=print)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
