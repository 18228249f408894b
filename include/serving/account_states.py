"""What Postgres has of each of the trader's accounts by name: whether it is halted, or has failed.

The values of the account `main` have the bare names, since a trader once had that account alone;
those of another account begin with its name. A halt of the trader is of all its accounts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from include.market.events import MAIN_ACCOUNT
from include.serving.connection import Dsn, Row, fetch_rows, transaction
from include.serving.tables import TRADER_STATE, upsert_with

HALTED, FAILURE = "halted", "failure"
HALTS = "halts.json"  # of a backup: the lake has only those that a decision met
HALT_ROWS = "SELECT name, value FROM trader_state WHERE name ~ '(^|/)halted$' ORDER BY name"
STATES = "SELECT name, value FROM trader_state WHERE name ~ '(^|/)(halted|failure)$'"


@dataclass(frozen=True)
class AccountState:
    """Why an account is halted, and why it has failed; null: it is not, it has not."""

    name: str
    halted: str | None = None
    failure: str | None = None

    @property
    def state(self) -> str:
        """In a word or two."""
        return "suspended" if self.failure else "halted" if self.halted else "trading"


def state_name(account_name: str, name: str) -> str:
    """The name of a value of an account."""
    return name if account_name == MAIN_ACCOUNT else f"{account_name}/{name}"


def halt_name(account_name: str) -> str:
    """The name of the halt of one account; that of all has the bare one."""
    return f"{account_name}/{HALTED}"


def halt(dsn: Dsn, reason: str, *, account_name: str = "") -> None:
    """Forbid orders until `resume`, to one account or to all; decisions go on, as holds."""
    name = halt_name(account_name) if account_name else HALTED
    with transaction(dsn) as connection, connection.cursor() as cursor:
        upsert_with(cursor, TRADER_STATE, [{"name": name, "value": reason}])


def resume(dsn: Dsn, *, account_name: str = "") -> None:
    """Allow orders again: to one account, or to all, those halted by name too."""
    names = f"{account_name}/{HALTED}" if account_name else f"%{HALTED}"
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM trader_state WHERE name LIKE %s", (names,))


def read_halt_reason(dsn: Dsn) -> str | None:
    """Why all of the trader is halted; null: it is not."""
    rows = fetch_rows(dsn, "SELECT value FROM trader_state WHERE name = %s", (HALTED,))
    return str(rows[0]["value"]) if rows else None


def read_halts(dsn: Dsn) -> bytes:
    """All halts as a backup keeps them, in JSON.

    Raises:
        Unreachable: Postgres does not answer.
    """
    rows = fetch_rows(dsn, HALT_ROWS)
    return msgspec.json.encode({row["name"]: row["value"] for row in rows})


def restore_halts(dsn: Dsn, path: Path) -> int:
    """Halt what was halted when a backup was made; gives how many, 0 without the file.

    The file is gone then: what is resumed later stays so, whatever is repaired.

    Raises:
        Unreachable: Postgres does not answer.
    """
    if not path.exists():
        return 0
    halts = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    new_rows = [{"name": name, "value": reason} for name, reason in halts.items()]
    with transaction(dsn) as connection, connection.cursor() as cursor:
        upsert_with(cursor, TRADER_STATE, new_rows)
    path.unlink()
    return len(halts)


def read_account_states(dsn: Dsn, account_names: Iterable[str]) -> list[AccountState]:
    """The states of these accounts, in order.

    Raises:
        Unreachable: Postgres does not answer, or lacks the table.
    """
    return find_account_states(fetch_rows(dsn, STATES), account_names)


def find_account_states(
    state_rows: Iterable[Row], account_names: Iterable[str]
) -> list[AccountState]:
    """The states of these accounts by the rows of `STATES`."""
    value_by_name = {row["name"]: row["value"] for row in state_rows if row["value"]}
    return [
        AccountState(
            account,
            value_by_name.get(HALTED) or value_by_name.get(halt_name(account)),
            value_by_name.get(state_name(account, FAILURE)),
        )
        for account in account_names
    ]
