"""Dumps of the serving database that were kept of each schema: `up` brings them forward.

Each was written by `pg_dump --inserts --no-owner --no-privileges`.
"""

from pathlib import Path
from typing import Any

import pytest

from include.errors import PlatformError
from include.local import postgres
from include.serving.connection import transaction
from include.serving.preparation import create_serving_database
from include.serving.tables import create_tables
from include.settings import Settings, override
from include.versions import SCHEMA
from tests.support.postgres import fetch_tuples
from tests.support.worlds import WORLDS

DUMPS = sorted(WORLDS.glob("schema_*/serving.sql"))
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


def load_dump(dsn: dict[str, Any], dump: Path) -> None:
    """Fill a new database; lines with a backslash are for psql alone."""
    lines = dump.read_text().splitlines(keepends=True)
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("".join(line for line in lines if not line.startswith("\\")))


def count_rows(dsn: dict[str, Any]) -> dict[str, int]:
    names = [name for (name,) in fetch_tuples(dsn, TABLES)]
    return {name: fetch_tuples(dsn, f'SELECT count(*) FROM "{name}"')[0][0] for name in names}


@pytest.mark.usefixtures("postgres_dsn")
@pytest.mark.parametrize("dump", DUMPS, ids=lambda path: path.parent.name)
def test_a_database_of_a_schema_is_brought_forward_with_its_rows(
    service_settings: Settings, dump: Path
) -> None:
    name = dump.parent.name
    settings = override(service_settings, {"TICKHOUSE_POSTGRES_DATABASE": name})
    postgres.create_databases(settings)
    load_dump(settings.dsn(), dump)
    before = count_rows(settings.dsn())
    assert before["signals"] > 0 and before["annotations"] > 0
    for _ in range(2):
        create_serving_database(settings)
        after = count_rows(settings.dsn())
        assert {table: after[table] for table in before} == before
        version = fetch_tuples(settings.dsn(), "SELECT version FROM schema_version")
        assert version == [(SCHEMA,)]


@pytest.mark.usefixtures("postgres_dsn")
def test_a_newer_database_is_refused_by_every_process_that_opens_it(
    service_settings: Settings,
) -> None:
    """A process that logs in as the owner would make an older version's keys and views of it."""
    settings = override(service_settings, {"TICKHOUSE_POSTGRES_DATABASE": "newer"})
    postgres.create_databases(settings)
    with transaction(settings.dsn()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE schema_version (version integer NOT NULL)")
        cursor.execute("INSERT INTO schema_version VALUES (%s)", (SCHEMA + 1,))
    for use in (lambda: create_tables(settings.dsn()), lambda: create_serving_database(settings)):
        with pytest.raises(PlatformError, match=f"database newer has the schema {SCHEMA + 1}"):
            use()
    assert fetch_tuples(settings.dsn(), TABLES) == [("schema_version",)]
