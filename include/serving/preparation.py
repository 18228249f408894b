"""Prepares the serving database: its tables, its views, the role that only reads, its schema."""

from include.errors import PlatformError
from include.serving.connection import transaction
from include.serving.tables import create_tables
from include.serving.views import create_reader
from include.settings import Settings
from include.versions import SCHEMA

SCHEMA_TABLE = "CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)"


def create_serving_database(settings: Settings) -> None:
    """Make the tables, the views, and the role that only reads.

    Raises:
        Unreachable: the server does not answer.
        PlatformError: the database was used by a newer version; nothing was changed.
    """
    _require_schema(settings)
    create_tables(settings.dsn())
    reader = settings.postgres
    password = reader.reader_password.reveal()
    create_reader(settings.dsn(), name=reader.reader, password=password)


def _require_schema(settings: Settings) -> None:
    """Write the schema down; an older one is brought forward by what makes the tables."""
    with transaction(settings.dsn()) as connection, connection.cursor() as cursor:
        cursor.execute(SCHEMA_TABLE)
        cursor.execute("SELECT max(version) FROM schema_version")
        ((stored,),) = cursor.fetchall()
        if stored is not None and stored > SCHEMA:
            raise PlatformError(
                f"Postgres' database {settings.postgres.database} has the schema {stored}, and "
                f"this program knows {SCHEMA}: it was used by a newer version of Tickhouse"
            )
        cursor.execute("DELETE FROM schema_version")
        cursor.execute("INSERT INTO schema_version VALUES (%s)", (SCHEMA,))
