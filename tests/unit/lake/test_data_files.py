"""DuckDB's reading of an object store's data files: what it asks, and what it gets."""

import io
from collections import Counter
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from obstore.store import MemoryStore

from include.lake import data_files
from include.lake.data_files import DataFiles
from include.lake.reading import register_store


class CountedStore:
    """A store in memory that counts what is asked of it."""

    def __init__(self) -> None:
        self.store, self.requests = MemoryStore(), Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.requests[name] += 1
        return getattr(self.store, name)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> CountedStore:
    counted = CountedStore()
    monkeypatch.setattr("include.object_path.open_bucket", lambda bucket: counted)
    return counted


def put(store: CountedStore, key: str, numbers: range) -> str:
    written = io.BytesIO()
    pq.write_table(pa.table({"n": list(numbers)}), written, row_group_size=1000)
    store.store.put(key, written.getvalue())
    return f"s3a://bucket/{key}"


def total(uris: list[str], condition: str = "TRUE") -> Any:
    with duckdb.connect() as connection:
        register_store(connection, uris)
        statement = f"SELECT count(*), sum(n) FROM read_parquet({uris}) WHERE {condition}"
        return connection.execute(statement).fetchone()


def test_a_small_file_is_one_request(store: CountedStore) -> None:
    uris = [put(store, f"lake/t/{n}.parquet", range(10 * n, 10 * n + 10)) for n in range(5)]
    assert total(uris) == (50, sum(range(50)))
    assert store.requests == {"get": 5}


def test_of_a_large_file_blocks_are_read(
    store: CountedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = put(store, "lake/large.parquet", range(200_000))
    monkeypatch.setattr(data_files, "SMALL_BYTES", 1000)
    assert total([uri], "n >= 199_000") == (1000, sum(range(199_000, 200_000)))
    assert total([uri]) == (200_000, sum(range(200_000)))
    assert store.requests["get_range"] > 0


def test_what_is_kept_is_bounded_and_asked_for_again(
    store: CountedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    uris = [put(store, f"{n}.parquet", range(n, n + 10)) for n in range(4)]
    size = len(bytes(store.store.get("0.parquet").bytes()))
    monkeypatch.setattr(data_files, "KEPT_BYTES", 2 * size + size // 2)
    files = DataFiles()
    for uri in uris + uris:
        assert len(files.open(uri).read()) == files.size(uri)
    assert store.requests["get"] > 4 and len(files._contents) == 2
    assert total(uris)[0] == 40


def test_a_missing_file_is_named(store: CountedStore) -> None:
    uri = put(store, "there.parquet", range(3))
    with pytest.raises(duckdb.Error, match=r"gone\.parquet"):
        total([uri, "s3a://bucket/gone.parquet"])
