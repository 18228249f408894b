"""Tables that another writer of Delta has changed: read as they are, or refused with the reason."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.errors import PlatformError, UnreadableTable
from include.lake.reading import open_table, query
from include.lake.signal_rows import insert_new
from include.lake.tables import SIGNALS
from include.lake.writing import delete_before
from include.local.examination import examine, repair_all
from include.market.signals import PublishedSignal
from include.market.wire import TopicPartition
from include.settings import load
from spark_jobs.appends import Appender
from tests.support.lake_of_rows import put

EIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)
COUNT = "SELECT count(*) FROM quotes"


def log_of(lake: Path) -> Path:
    return lake / "quotes" / "_delta_log"


def actions(commit: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in commit.read_text().splitlines()]


def write(commit: Path, entries: list[dict[str, Any]]) -> None:
    commit.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))


def action(lake: Path, kind: str) -> Any:
    first = actions(log_of(lake) / f"{0:020}.json")
    return next(entry[kind] for entry in first if kind in entry)


def first_actions(table: Path) -> Iterator[tuple[str, Any]]:
    for entry in actions(table / "_delta_log" / f"{0:020}.json"):
        yield from ((kind, of_kind) for kind, of_kind in entry.items() if kind != "add")


def switch_on(lake: Path, feature: str, *further: dict[str, Any]) -> None:
    names = [feature]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7}
    protocol |= {"readerFeatures": names, "writerFeatures": names}  # type: ignore[dict-item]
    write(log_of(lake) / f"{1:020}.json", [{"protocol": protocol}, *further])


def configured(lake: Path, **configuration: str) -> dict[str, Any]:
    metadata = action(lake, "metaData")
    properties = {name.replace("_", "."): value for name, value in configuration.items()}
    return {"metaData": metadata | {"configuration": metadata["configuration"] | properties}}


def test_a_feature_that_is_switched_on_and_not_used_changes_nothing(tmp_path: Path) -> None:
    put(tmp_path, "quotes", [{}, {}])
    switch_on(tmp_path, "deletionVectors")
    assert query(str(tmp_path), COUNT)[1] == [(2,)]


def test_rows_that_a_deletion_vector_takes_away_are_not_counted(tmp_path: Path) -> None:
    put(tmp_path, "quotes", [{}, {}])
    file = action(tmp_path, "add")
    vector = {"storageType": "u", "pathOrInlineDv": "vBn[lx{q8@P<9BNH/isA", "offset": 1}
    vector |= {"sizeInBytes": 36, "cardinality": 1}
    removed = {"path": file["path"], "deletionTimestamp": 1, "dataChange": True}
    added = {"add": file | {"deletionVector": vector}}
    switch_on(tmp_path, "deletionVectors", {"remove": removed}, added)
    with pytest.raises(UnreadableTable, match=r"table quotes cannot be read.*deletionVectors"):
        query(str(tmp_path), COUNT)


def test_renamed_columns_are_not_read_as_null(tmp_path: Path) -> None:
    put(tmp_path, "quotes", [{}])
    renamed = configured(tmp_path, delta_columnMapping_mode="name")
    schema = json.loads(renamed["metaData"]["schemaString"])
    for number, field in enumerate(schema["fields"], start=1):
        field["metadata"] = {
            "delta.columnMapping.id": number,
            "delta.columnMapping.physicalName": field["name"],
        }
        field["name"] = field["name"].upper()
    renamed["metaData"]["schemaString"] = json.dumps(schema)
    switch_on(tmp_path, "columnMapping", renamed)
    with pytest.raises(UnreadableTable, match="columnMapping"):
        open_table(str(tmp_path), "quotes")


def test_nothing_lands_in_a_table_whose_owner_has_set_a_rule(tmp_path: Path) -> None:
    put(tmp_path, "quotes", [{}])
    rule = configured(tmp_path, delta_constraints_cheap="price < 1000")
    protocol = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 3}}
    write(log_of(tmp_path) / f"{1:020}.json", [protocol, rule])
    with pytest.raises(PlatformError, match=r"quotes has the CHECK constraint cheap \(price"):
        Appender(str(tmp_path)).next_offset("quotes", TopicPartition("market.quotes", 0))


def test_nothing_lands_in_a_table_that_was_partitioned(tmp_path: Path) -> None:
    put(tmp_path, "quotes", [{}])
    partitioned = {"metaData": action(tmp_path, "metaData") | {"partitionColumns": ["symbol"]}}
    write(log_of(tmp_path) / f"{1:020}.json", [partitioned])
    with pytest.raises(PlatformError, match="quotes has the partitioning by symbol"):
        Appender(str(tmp_path)).next_offset("quotes", TopicPartition("market.quotes", 0))


SIGNAL = PublishedSignal("gemini", "BTC-USD", "bid", Decimal(5000), 0, 60_000_000)
ALTERED: dict[str, dict[str, Any]] = {
    "the CHECK constraint cheap": {"configuration": {"delta.constraints.cheap": "value < 1000"}},
    "InCommitTimestamp": {"features": ["inCommitTimestamp"]},
    "TypeWidening": {"features": ["typeWidening"]},
    "append-only": {"configuration": {"delta.appendOnly": "true"}},
}


@pytest.mark.parametrize("rule", ALTERED)
def test_what_delta_rs_does_not_keep_is_named_and_nothing_is_written(
    tmp_path: Path, rule: str
) -> None:
    lake, altered = str(tmp_path), ALTERED[rule]
    insert_new(lake, [SIGNAL._replace(value=Decimal(1), window_start=-60_000_000, window_end=0)])
    log = tmp_path / "signals" / "_delta_log"
    newest = max(log.glob("*.json"))
    metadata = next(of_kind for kind, of_kind in first_actions(log.parent) if kind == "metaData")
    features = {"writerFeatures": altered.get("features", ["appendOnly", "checkConstraints"])}
    reader = ["typeWidening"] if "typeWidening" in features["writerFeatures"] else []
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": reader} | features
    metadata = metadata | {"configuration": altered.get("configuration", {})}
    next_commit = log / f"{int(newest.stem) + 1:020}.json"
    write(next_commit, [{"protocol": protocol}, {"metaData": metadata}])
    with pytest.raises(UnreadableTable, match=f"table signals .*{rule}"):
        insert_new(lake, [SIGNAL])
        delete_before(lake, SIGNALS, column="window_start", before_at=datetime.now(UTC))
    values = [Decimal(1), *([SIGNAL.value] if rule == "append-only" else [])]
    assert [value for (value,) in query(lake, "SELECT value FROM signals ORDER BY 1")[1]] == values


@pytest.mark.parametrize("form", ["file:{}", "file://{}", "s3://bucket{}"])
def test_a_shallow_clone_is_named(tmp_path: Path, form: str) -> None:
    put(tmp_path, "quotes", [{}, {}])
    added = action(tmp_path, "add")
    whole = form.format(tmp_path / "quotes" / added["path"])
    shutil.move(tmp_path / "quotes", tmp_path / "origin")
    log_of(tmp_path).mkdir(parents=True)
    kept = [{kind: log_action} for kind, log_action in first_actions(tmp_path / "origin")]
    write(log_of(tmp_path) / f"{0:020}.json", [*kept, {"add": added | {"path": whole}}])
    with pytest.raises(UnreadableTable, match="quotes cannot be read: it is a shallow clone, 1 of"):
        query(str(tmp_path), COUNT)


@pytest.mark.parametrize("key", ["timestamp", "inCommitTimestamp"])
def test_a_copy_of_a_lake_is_read_as_of_the_times_of_its_commits(tmp_path: Path, key: str) -> None:
    lake = tmp_path / "lake"
    for hour in range(3):
        put(lake, "quotes", [{}] * 10)
        commit = log_of(lake) / f"{hour:020}.json"
        entries = actions(commit)
        at_ms = int((EIGHT + timedelta(hours=hour)).timestamp() * 1000)
        info = next(entry["commitInfo"] for entry in entries if "commitInfo" in entry)
        info[key] = at_ms
        write(commit, entries)
    shutil.copytree(lake, tmp_path / "copy", copy_function=shutil.copy)
    half_past_nine = EIGHT + timedelta(minutes=90)
    assert query(str(tmp_path / "copy"), COUNT, as_of=half_past_nine)[1] == [(20,)]


@pytest.mark.parametrize("feature", ["deletionVectors", "madeUpFeature"])
def test_the_doctor_leaves_a_whole_table_of_a_feature_where_it_is(
    tmp_path: Path, feature: str
) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    lake = Path(settings.lake)
    put(lake, "quotes", [{}, {}])
    file = action(lake, "add")
    vector = {"storageType": "u", "pathOrInlineDv": "vBn[lx{q8@P<9BNH/isA", "offset": 1}
    vector |= {"sizeInBytes": 36, "cardinality": 1}
    further = [{"add": file | {"deletionVector": vector}}] if feature == "deletionVectors" else []
    switch_on(lake, feature, *further)
    lines: list[str] = []
    for defects in (examine(settings), repair_all(settings, print_line=lines.append)):
        (defect,) = defects
        assert f"Delta's feature {feature} is in use" in defect.fault
        assert (defect.repair, defect.loses_nothing) == (None, False)
    assert lines == [] and len(list((lake / "quotes").glob("*.parquet"))) == 1


def test_the_doctor_names_a_rule_for_which_nothing_would_land(tmp_path: Path) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    lake = Path(settings.lake)
    put(lake, "quotes", [{}])
    rule = configured(lake, delta_constraints_cheap="price < 1000")
    write(log_of(lake) / f"{1:020}.json", [rule])
    (defect,) = examine(settings)
    assert "table quotes: it has the CHECK constraint cheap (price < 1000)" in defect.sentence()
    assert defect.repair is None
