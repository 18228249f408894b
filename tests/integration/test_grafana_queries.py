"""Each panel of Grafana's market dashboards asks what Postgres answers, as the reader."""

import json
from pathlib import Path
from typing import Any

import pytest

from include.lake.tables import TRADE_MINUTES
from include.serving.connection import transaction
from include.serving.market_tables import AUCTIONS, CONTRACT_MINUTES
from include.serving.roles import create_roles
from include.serving.tables import upsert
from include.settings import ROOT, Settings, override
from include.settings.groups import DatabaseRole
from tests.support.minute_rows import minute_rows
from tests.support.postgres import fetch_tuples

FOLDER = ROOT / "include/local/monitoring"
PASSWORD = "only-for-this-test"
BOARDS = ("flows", "decisions", "contracts")
# of three minutes, one contract's minute and one auction's result
ROWS_OF = {"flows": 3, "contracts": 1}
PANELS = [
    (name, panel["title"], target["rawSql"])
    for name in BOARDS
    for panel in json.loads((FOLDER / f"{name}.json").read_text())["panels"]
    for target in panel["targets"]
]
VARIABLES = [
    variable["query"]
    for name in BOARDS
    for variable in json.loads((FOLDER / f"{name}.json").read_text())["templating"]["list"]
]


@pytest.fixture(scope="module")
def reader(service_settings: Settings, postgres_dsn: Any) -> dict[str, Any]:
    settings = override(service_settings, {"TICKHOUSE_POSTGRES_READER_PASSWORD": PASSWORD})
    create_roles(settings)
    rows = minute_rows(range(3)).to_pylist()
    upsert(postgres_dsn, TRADE_MINUTES, rows)
    pair = {name: rows[0][name] for name in ("venue", "symbol")}
    values = {"minute": rows[0]["minute"], "mark_price": 3, "index_price": 2, "phase": "result"}
    values |= {"published_at": rows[0]["minute"], "price": 5}
    for table in (CONTRACT_MINUTES, AUCTIONS):
        row = dict.fromkeys(table.names) | pair | values
        upsert(postgres_dsn, table, [row])
    return settings.dsn(DatabaseRole.READER)


def fill_in(statement: str) -> str:
    """The statement as Grafana sends it, for all times and what the rows are of."""
    row = minute_rows([0]).to_pylist()[0]
    for name in ("venue", "symbol"):
        statement = statement.replace(f"'${name}'", f"'{row[name]}'")
    while "$__timeFilter(" in statement:
        before, _, rest = statement.partition("$__timeFilter(")
        column, _, behind = rest.partition(")")
        statement = f"{before}{column} BETWEEN '1970-01-01Z' AND '2200-01-01Z'{behind}"
    assert "$" not in statement
    return statement


@pytest.mark.parametrize(("board", "title", "statement"), PANELS)
def test_a_panel_asks_what_postgres_has(
    reader: dict[str, Any], board: str, title: str, statement: str
) -> None:
    rows = fetch_tuples(reader, fill_in(statement))
    if board in ROWS_OF:
        assert len(rows) == (1 if title == "Each hour" else ROWS_OF[board])
    if title == "Mark over index, basis points":
        assert rows[0][1] == 5000


def test_the_choices_of_the_dashboards_are_venues_and_symbols(reader: dict[str, Any]) -> None:
    row = minute_rows([0]).to_pylist()[0]
    answers = [fetch_tuples(reader, fill_in(query)) for query in VARIABLES]
    assert len(answers) == 6
    for venues, symbols in (answers[:2], answers[2:4], answers[4:]):
        assert (row["venue"],) in venues and (row["symbol"],) in symbols


def test_the_reader_writes_nothing(reader: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"read-only|permission denied"):
        with transaction(reader) as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM trade_minutes")


def test_every_dashboard_is_given_to_grafana_by_compose() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    boards = {path.name for path in Path(FOLDER).glob("*.json")}
    assert {name for name in boards if f"monitoring/{name}" not in text} == set()
