"""The schema of the serving database: one number, compared before anything is made or written."""

from typing import Any

from include.errors import PlatformError
from include.versions import SCHEMA

VERSION = """
SELECT current_database(), to_regclass('schema_version') IS NOT NULL"""


def read_database_schema(cursor: Any) -> int | None:
    """The database's schema; null if none was written yet.

    Raises:
        PlatformError: it was used by a newer version of the program.
    """
    cursor.execute(VERSION)
    ((database, is_there),) = cursor.fetchall()
    if not is_there:
        return None
    cursor.execute("SELECT max(version) FROM schema_version")
    ((stored,),) = cursor.fetchall()
    if stored is not None and stored > SCHEMA:
        raise PlatformError(
            f"Postgres' database {database} has the schema {stored}, and this program knows "
            f"{SCHEMA}: it was used by a newer version of Tickhouse"
        )
    return None if stored is None else int(stored)
