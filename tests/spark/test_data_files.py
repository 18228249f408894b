"""Statistics of a data file against its rows: a bound that is too narrow hides rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.data_files import delta_statistics


def test_the_bounds_of_a_file_hold_those_of_each_of_its_row_groups(tmp_path: Path) -> None:
    numbers = [7, 9, 1, 4, 8, None, 30, 2, 3]
    names = ["m", "n", "a", "c", "d", "e", "z", "y", "x"]
    path = tmp_path / "rows.parquet"
    columns = {"number": numbers, "name": names, "other": numbers, "bare": names}
    known = ["number", "name", "other"]
    pq.write_table(pa.table(columns), path, row_group_size=3, write_statistics=known)
    assert pq.read_metadata(path).num_row_groups == 3
    statistics = delta_statistics(pq.read_metadata(path), ["number", "name", "bare"])
    assert statistics == {
        "numRecords": 9,
        "minValues": {"number": 1, "name": "a"},
        "maxValues": {"number": 30, "name": "z"},
        "nullCount": {"number": 1, "name": 0},
    }
