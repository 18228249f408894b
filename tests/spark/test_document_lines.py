"""The documents' lines that read the lake with Spark run as they stand there."""

import os
from pathlib import Path

from tests.conftest import make_environment
from tests.support.documents import example, make_trades, output_of


def test_the_documents_spark_lines_read_the_lake(tmp_path: Path) -> None:
    make_trades(tmp_path)
    environ = os.environ | make_environment(
        tmp_path / "var", STREAM_DRIVER_MEMORY="512m", STREAM_MASTER="local[2]"
    )
    printed = output_of(example("Spark"), tmp_path, **environ)
    cells = [line.replace(" ", "") for line in printed.splitlines()]
    assert "|gemini|2|" in cells and "|kraken|1|" in cells
