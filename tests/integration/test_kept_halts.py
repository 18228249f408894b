"""The trader's halts are in a backup, and put back once: Postgres alone has them."""

from pathlib import Path
from typing import Any

from include.serving.account_states import (
    halt,
    read_account_states,
    read_halt_reason,
    read_halts,
    restore_halts,
    resume,
)
from include.serving.tables import create_tables


def test_halts_are_put_back_and_a_later_resume_stays(
    postgres_dsn: dict[str, Any], tmp_path: Path
) -> None:
    create_tables(postgres_dsn)
    halt(postgres_dsn, "while I am away")  # no decision has met it, so the lake has none
    halt(postgres_dsn, "too much risk", account_name="eth")
    file = tmp_path / "halts.json"
    file.write_bytes(read_halts(postgres_dsn))
    resume(postgres_dsn)
    assert restore_halts(postgres_dsn, tmp_path / "none.json") == 0
    assert read_halt_reason(postgres_dsn) is None
    assert restore_halts(postgres_dsn, file) == 2
    assert read_halt_reason(postgres_dsn) == "while I am away"
    resume(postgres_dsn)
    assert restore_halts(postgres_dsn, file) == 0
    states = read_account_states(postgres_dsn, ["main", "eth"])
    assert [one.halted for one in states] == [None, None]
    halt(postgres_dsn, "too much risk", account_name="eth")
    file.write_bytes(read_halts(postgres_dsn))
    resume(postgres_dsn)
    assert restore_halts(postgres_dsn, file) == 1
    states = read_account_states(postgres_dsn, ["main", "eth"])
    assert [one.halted for one in states] == [None, "too much risk"]
    resume(postgres_dsn)
