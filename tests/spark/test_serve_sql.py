"""The SQL server as a BI tool meets it: by Hive's own JDBC driver, in another process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyspark
import pytest
from pyspark.sql import SparkSession

from include.lake.tables import TABLES
from include.local.program import open_port
from include.settings import ROOT, Settings, load
from tests.conftest import make_environment
from tests.support.lake_of_rows import at, put
from tests.support.services import eventually, running

PASSWORD = "a-password-of-this-test"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A SQL server over a lake of two trades."""
    environ = make_environment(tmp_path_factory.mktemp("sql") / "var")
    environ |= {"TICKHOUSE_SQL_SERVER_PASSWORD": PASSWORD}
    settings = load(environ)
    trades = [
        {"symbol": "BTC-USD", "price": price, "traded_at": at("12:00:00")}
        for price in (Decimal(60_000), Decimal("60001.5"))
    ]
    put(settings.lake, "trades", trades)
    command = [sys.executable, "-m", "spark_jobs.serve_sql"]
    log = settings.home / "sql-server.log"
    with running(command, log=log, env=os.environ | environ, cwd=ROOT) as process:
        eventually(
            lambda: (
                open_port(settings.ports.host, settings.ports.sql_server)
                or process.poll() is not None
            ),
            timeout_s=120,
            what="it listens",
        )
        yield settings


class Client:
    """Hive's JDBC driver in the JVM of the tests' own session."""

    def __init__(self, spark: SparkSession, settings: Settings, password: str = PASSWORD) -> None:
        self._jvm: Any = spark.sparkContext._jvm
        self._jvm.java.lang.Class.forName("org.apache.hive.jdbc.HiveDriver")
        url = f"jdbc:hive2://127.0.0.1:{settings.ports.sql_server}/default"
        self._link = self._jvm.java.sql.DriverManager.getConnection(url, "tickhouse", password)

    def rows(self, statement: str) -> list[tuple[str, ...]]:
        result = self._link.createStatement().executeQuery(statement)
        width = result.getMetaData().getColumnCount()
        rows = []
        while result.next():
            rows.append(tuple(result.getString(n + 1) for n in range(width)))
        return rows

    def metadata(self, call: str, *arguments: Any) -> list[dict[str, str]]:
        """A call of java.sql.DatabaseMetaData, a row as column name and text."""
        result = getattr(self._link.getMetaData(), call)(*arguments)
        columns = result.getMetaData()
        names = [columns.getColumnName(n + 1) for n in range(columns.getColumnCount())]
        rows = []
        while result.next():
            rows.append({name: result.getString(n + 1) for n, name in enumerate(names)})
        return rows

    def close(self) -> None:
        self._link.close()


@pytest.fixture(scope="module")
def client(spark: SparkSession, served: Settings) -> Iterator[Client]:
    client = Client(spark, served)
    yield client
    client.close()


def test_a_jdbc_client_reads_tables_types_and_comments(client: Client) -> None:
    assert ("trades",) in {row[1:2] for row in client.rows("SHOW TABLES")}
    assert client.rows("SELECT count(*), sum(price), max(traded_at) FROM trades") == [
        ("2", "120001.50000000", "2026-11-20 12:00:00.0")
    ]
    described = {row[0]: row[1] for row in client.rows("DESCRIBE trades")}
    assert described["price"].strip() == "decimal(20,8)"
    with pytest.raises(Exception, match="no_such_table"):
        client.rows("SELECT * FROM no_such_table")


def test_a_bi_tool_lists_schemas_tables_and_columns_with_their_comments(client: Client) -> None:
    assert {row["TABLE_SCHEM"] for row in client.metadata("getSchemas")} >= {"default"}
    tables = client.metadata("getTables", None, "default", "trades", None)
    assert [(row["TABLE_SCHEM"], row["TABLE_NAME"]) for row in tables] == [("default", "trades")]
    assert tables[0]["REMARKS"] == TABLES["trades"].comment
    columns = client.metadata("getColumns", None, "default", "trades", "%")
    assert [row["COLUMN_NAME"] for row in columns] == list(TABLES["trades"].names)
    by_name = {row["COLUMN_NAME"]: row for row in columns}
    assert by_name["price"]["TYPE_NAME"] == "DECIMAL(20,8)"
    assert by_name["price"]["DECIMAL_DIGITS"] == "8"
    assert by_name["traded_at"]["TYPE_NAME"] == "TIMESTAMP"
    comments = {column.name: column.comment for column in TABLES["trades"].columns}
    assert {name: row["REMARKS"] for name, row in by_name.items()} == comments


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("getCatalogs", ()),
        ("getTableTypes", ()),
        ("getTypeInfo", ()),
        ("getFunctions", (None, "default", "%")),
        ("getPrimaryKeys", (None, "default", "trades")),
        ("getImportedKeys", (None, "default", "trades")),
        ("getTables", (None, "%", "%", None)),
        ("getSchemas", (None, "%")),
    ],
)
def test_every_call_about_the_database_answers(
    client: Client, call: str, arguments: tuple[Any, ...]
) -> None:
    rows = client.metadata(call, *arguments)
    assert (call in {"getPrimaryKeys", "getImportedKeys", "getCatalogs"}) or rows


def test_beeline_lists_tables_and_reads(served: Settings) -> None:
    java = Path(os.environ.get("JAVA_HOME", "/usr")) / "bin" / "java"
    url = f"jdbc:hive2://127.0.0.1:{served.ports.sql_server}/default"
    command = [java, "-cp", f"{Path(pyspark.__file__).parent}/jars/*"]
    command += ["org.apache.hive.beeline.BeeLine", "-u", url, "-n", "tickhouse", "-p", PASSWORD]
    command += ["--silent=true", "--outputformat=csv2", "--showHeader=false"]
    command += [
        "-e",
        "!tables",
        "-e",
        "SELECT symbol, price FROM trades WHERE symbol = 'BTC-USD' ORDER BY price LIMIT 1",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ",default,trades,TABLE," in shown.stdout, shown.stderr
    assert "BTC-USD,60000.00000000" in shown.stdout


def test_rows_and_tables_that_come_later_are_there(client: Client, served: Settings) -> None:
    put(served.lake, "trades", [{"symbol": "ETH-USD", "price": Decimal(3000)}])
    assert client.rows("SELECT count(*) FROM trades") == [("3",)]
    put(served.lake, "quarantine", [{"topic": "market.trades"}])
    eventually(
        lambda: any("quarantine" in row for row in client.rows("SHOW TABLES")),
        timeout_s=60,
        every_s=1,
        what="the new table is served",
    )
    assert client.rows("SELECT topic FROM quarantine") == [("market.trades",)]


def test_a_second_client_sees_the_same(
    spark: SparkSession, client: Client, served: Settings, tmp_path: Path
) -> None:
    other = Client(spark, served)
    assert other.rows("SELECT count(*) FROM trades") == client.rows("SELECT count(*) FROM trades")
    other.close()


def test_nobody_logs_in_without_the_password(spark: SparkSession, served: Settings) -> None:
    for password in ("", "anonymous", PASSWORD[:-1]):
        with pytest.raises(Exception, match=r"auth|failure"):
            Client(spark, served, password)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM text.`file:///etc/passwd`",
        "SELECT (SELECT max(value) FROM text.`file:///etc/passwd`)",
        "WITH users AS (SELECT * FROM csv.`/etc/passwd`) SELECT * FROM users",
        "INSERT OVERWRITE LOCAL DIRECTORY '/tmp/out' USING csv SELECT 1",
        "ADD JAR '/tmp/any.jar'",
        "DELETE FROM trades",
        "UPDATE trades SET price = 0",
        "INSERT INTO trades SELECT * FROM trades",
        "DROP TABLE trades",
        "TRUNCATE TABLE trades",
        "OPTIMIZE trades",
        "CREATE TABLE mine USING csv LOCATION '/etc'",
        "CREATE TEMPORARY VIEW mine USING text OPTIONS (path '/etc/passwd')",
        "SET spark.sql.extensions",
        "SELECT reflect('java.lang.System', 'getProperty', 'user.home')",
    ],
)
def test_the_server_only_reads_the_lake(client: Client, statement: str) -> None:
    before = client.rows("SELECT count(*), sum(price) FROM trades")
    with pytest.raises(Exception, match=r"only reads|outside the lake"):
        client.rows(statement)
    assert client.rows("SELECT count(*), sum(price) FROM trades") == before
