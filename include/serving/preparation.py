"""Prepares the serving database: its tables, its views, its roles, its schema."""

from include.serving.connection import transaction
from include.serving.roles import create_roles
from include.serving.schema_version import read_database_schema
from include.serving.tables import create_tables
from include.settings import Settings
from include.versions import SCHEMA

MINUTES_SCHEMA = 3  # a database of an earlier one has minutes without their newest columns
RECOUNT_MINUTES = """
DO $$ BEGIN
    IF to_regclass('reader_offsets') IS NOT NULL THEN
        DELETE FROM reader_offsets WHERE reader = 'trade_minutes';
    END IF;
END $$
"""
SCHEMA_TABLE = "CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)"


def create_serving_database(settings: Settings) -> None:
    """Make the tables, the views, and the roles of the processes that use them.

    Raises:
        Unreachable: the server does not answer.
        PlatformError: the database was used by a newer version; nothing was changed.
    """
    _require_schema(settings)
    create_tables(settings.dsn())
    create_roles(settings)


def _require_schema(settings: Settings) -> None:
    """Write the schema down; an older one is brought forward by what makes the tables.

    Minutes of an older one are counted again by the minutes process, from the first trade on.
    """
    with transaction(settings.dsn()) as connection, connection.cursor() as cursor:
        stored = read_database_schema(cursor)
        cursor.execute(SCHEMA_TABLE)
        if stored is not None and stored < MINUTES_SCHEMA:
            cursor.execute(RECOUNT_MINUTES)
        cursor.execute("DELETE FROM schema_version")
        cursor.execute("INSERT INTO schema_version VALUES (%s)", (SCHEMA,))
