"""`sql` and `report` as a person runs them: forms, files, time travel, the prompt on a terminal."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from cli.prompting import complete_word, split_statements
from include.settings import ROOT
from tests.support.lake_of_rows import at, put


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "lake"
    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("TICKHOUSE_STREAM_LAKE", str(folder))
    put(
        folder,
        "quotes",
        [
            {
                "venue": "kraken",
                "symbol": "BTC-USD",
                "price": Decimal("9.5"),
                "currency": "USD",
                "received_time": at("09:00"),
            }
        ],
    )
    return folder


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, list(words), input=stdin)


def test_rows_are_given_as_csv_json_or_a_table(lake: Path) -> None:
    statement = "SELECT venue, price, received_time AS at, 'nan'::DOUBLE AS odd FROM quotes"
    outcome = run("sql", statement, "--format", "csv").stdout
    assert outcome == "venue,price,at,odd\nkraken,9.50000000,2026-11-20T09:00:00+00:00,\n"
    assert json.loads(run("sql", statement, "--format", "json").stdout) == [
        {"venue": "kraken", "price": "9.50000000", "at": "2026-11-20T09:00:00+00:00", "odd": None}
    ]
    assert "kraken" in run("sql", statement).stdout


def test_the_quarantine_shows_the_column_and_the_number_that_are_too_fine(lake: Path) -> None:
    detail = "for table trades, column price: 1.123456789"
    too_fine = {"topic": "market.trades", "reason": "too_fine", "detail": detail}
    put(lake, "quarantine", [too_fine, too_fine | {"offset": 9}])
    (row,) = json.loads(run("quarantine", "list", "--format", "json").stdout)
    shown = {name: row[name] for name in ("topic", "reason", "records", "example")}
    assert shown == {
        "topic": "market.trades",
        "reason": "too_fine",
        "records": 2,
        "example": detail,
    }


def test_a_files_ending_says_its_format(lake: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    assert run("sql", "SELECT venue, price FROM quotes", "--output", str(target)).exit_code == 0
    assert pq.read_table(target).to_pylist() == [{"venue": "kraken", "price": Decimal("9.5")}]
    target = tmp_path / "out.csv"
    run("report", "supplier_deviation", "--output", str(target))
    assert target.read_text().splitlines()[1] == (
        "2026-11-20T09:00:00+00:00,BTC-USD,USD,kraken,1,0.0,0.0"
    )


def test_parquet_without_a_file_and_a_file_that_cannot_be_are_refused(lake: Path) -> None:
    refused = run("sql", "FROM quotes", "--format", "parquet")
    assert refused.exit_code == 1 and "--output FILE.parquet" in refused.stderr
    refused = run("sql", "FROM quotes", "--output", f"{lake}/none/there.json")
    assert refused.exit_code == 1 and "cannot be written" in refused.stderr


def test_a_statement_is_answered_as_of_a_moment(lake: Path) -> None:
    between = datetime.now(UTC).isoformat()
    put(lake, "quotes", [{"venue": "coinbase"}])
    count = "SELECT count(*) AS n FROM quotes"
    assert run("sql", count, "--format", "csv").stdout == "n\n2\n"
    assert run("sql", count, "--format", "csv", "--as-of", between).stdout == "n\n1\n"
    assert run("sql", count, "--format", "csv", "--as-of", "0").stdout == "n\n1\n"
    refused = run("sql", count, "--as-of", "yesterday")
    assert refused.exit_code == 1 and "'yesterday' is not an ISO time" in refused.stderr


def test_the_list_of_reports_and_a_reports_sql(lake: Path) -> None:
    assert "What could not be read, and why?" in run("report").stdout
    assert run("report", "daily_prices", "--show-sql").stdout.startswith("SELECT\n")


def test_a_span_leaves_out_what_lies_before_and_from_its_end(lake: Path) -> None:
    def hours(*span: str) -> int:
        outcome = run("report", "supplier_deviation", "--format", "json", *span).stdout
        return len(json.loads(outcome))

    assert hours("--from", "2026-11-20T09:00", "--to", "2026-11-20T09:00:01") == 1
    assert hours("--to", "2026-11-20T09:00") == hours("--from", "2026-11-20T09:00:01") == 0


def test_statements_read_from_a_pipe_are_answered_and_the_first_wrong_one_ends_it(
    lake: Path,
) -> None:
    outcome = run("sql", "--format", "csv", stdin="SELECT 1 AS a;\nSELECT\n 2 AS b;\nSELECT 3 AS c")
    assert outcome.stdout == "a\n1\nb\n2\nc\n3\n"
    refused = run("sql", "--format", "csv", stdin="SELECT nonsense;\nSELECT 1 AS a;")
    assert refused.exit_code == 1 and refused.stdout == "" and "nonsense" in refused.stderr


def test_a_statement_may_take_lines_and_ctrl_c_forgets_it() -> None:
    typed: Iterator[str | None] = iter(
        ["SELECT", None, "", "SELECT 1", "+ 1;  ", "\\t", "\\q", "x"]
    )

    def ask(_mark: str) -> str:
        line = next(typed)
        if line is None:
            raise KeyboardInterrupt
        return line

    assert list(split_statements(ask)) == ["SELECT 1\n+ 1", "\\t"]


def test_completion_knows_tables_columns_and_words() -> None:
    assert complete_word("tra")[:3] == ["trades", "trade_minutes", "trade_id"]
    assert complete_word("curr") == ["currency"]
    assert complete_word("desc") == ["DESCRIBE"]
    assert complete_word("") == []


def test_the_prompt_on_a_terminal_completes_answers_and_keeps_its_history(
    lake: Path, tmp_path: Path
) -> None:
    screen, child_end = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "sql", "--format", "csv"],
        cwd=ROOT,
        stdin=child_end,
        stdout=child_end,
        stderr=child_end,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(child_end)
    try:
        read_until(screen, "tickhouse> ")
        os.write(screen, b"SELECT venue, curr\t FROM quotes;\n")
        assert "venue,currency\r\n" in read_until(screen, "kraken,USD\r\n")
        os.write(screen, b"SELECT nonsense;\n")
        read_until(screen, "nonsense", "tickhouse> ")
        os.write(screen, b"\\d quotes\n")
        read_until(screen, "currency of the price")
        os.write(screen, b"\\q\n")
        assert child.wait(timeout=20) == 0
    finally:
        child.kill()
        os.close(screen)
    history = (tmp_path / "var" / "sql_history").read_text()
    assert history.splitlines()[0] == "SELECT venue, currency FROM quotes;"


def read_until(screen: int, *texts: str) -> str:
    """What the terminal showed until all of these had come, in order."""
    text, deadline = "", time.monotonic() + 30
    while time.monotonic() < deadline:
        if select.select([screen], [], [], 0.2)[0]:
            text += os.read(screen, 4096).decode()
        place = 0
        for word in texts:
            place = text.find(word, place)
            if place < 0:
                break
            place += len(word)
        else:
            return text
    raise AssertionError(f"{texts} never came: {text!r}")
