"""Who may do what in Postgres: a role for each kind of process, which writes its own tables alone.

The code names its role where it connects (`settings.dsn(role)`). The owner makes the tables; every
other role reads all of them, and what it writes is in `GRANTS`. A role without a password does not
exist: its processes log in as the owner.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.sql import SQL, Identifier, Literal

from include.serving.annotations import ANNOTATIONS
from include.serving.connection import transaction
from include.serving.day_partitions import grant_partition_functions
from include.serving.market_tables import MARKET_TABLES
from include.serving.tables import (
    FEED_HEALTH,
    FORECAST_ANCHORS,
    FORECAST_POINTS,
    OUTBOX,
    READER_OFFSETS,
    SERVED,
    STREAM_LAG,
    TRADER_STATE,
)
from include.settings import Settings
from include.settings.groups import DatabaseRole

WRITE, ADD, PRUNE = "INSERT, UPDATE, DELETE", "INSERT, DELETE", "DELETE"
TRADED = {name for name, table in SERVED.items() if table.topic}  # the trader writes them itself
SERVED_BY_STREAM = (
    READER_OFFSETS,
    FORECAST_POINTS,
    FORECAST_ANCHORS,
    STREAM_LAG,
    FEED_HEALTH,
    *MARKET_TABLES,
)
GRANTS: Mapping[DatabaseRole, Mapping[str, str]] = {
    DatabaseRole.STREAM: {
        **dict.fromkeys(SERVED.keys() - TRADED, WRITE),
        **dict.fromkeys((table.name for table in SERVED_BY_STREAM), WRITE),
        **dict.fromkeys(TRADED, PRUNE),
    },
    DatabaseRole.TRADER: dict.fromkeys((*TRADED, TRADER_STATE.name, OUTBOX.name), WRITE),
    DatabaseRole.DASHBOARD: {ANNOTATIONS.name: ADD},
    DatabaseRole.READER: {},
}
SEQUENCES = {DatabaseRole.TRADER: ("outbox_id_seq",)}
READS = (
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
)
NOBODY_ELSE = (
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
)
TAKEN_OVER = """
DO $$ DECLARE object record; BEGIN
    FOR object IN
        SELECT 'TABLE' AS kind, relname AS name FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT 'SEQUENCE', relname FROM pg_class AS sequence
        WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace AND NOT EXISTS (
            SELECT FROM pg_depend WHERE objid = sequence.oid AND deptype IN ('a', 'i'))
        UNION ALL
        SELECT 'TYPE', typname FROM pg_type
        WHERE typtype = 'e' AND typnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('ALTER %s public.%I OWNER TO %I', object.kind, object.name, {name});
    END LOOP;
END $$"""


def create_roles(settings: Settings) -> None:
    """Make the serving database's roles, with the rights of `GRANTS` and no others.

    Raises:
        Unreachable: the server does not answer.
    """
    database = Identifier(settings.postgres.database)
    with transaction(settings.dsn()) as connection, connection.cursor() as cursor:
        for role, writes in GRANTS.items():
            if _make_role(cursor, settings, role):
                name = Identifier(settings.postgres.login(role)[0])
                for statement in READS:
                    cursor.execute(SQL(statement).format(role=name, database=database))
                _grant(cursor, name, writes, SEQUENCES.get(role, ()))
                if role is DatabaseRole.STREAM:
                    grant_partition_functions(cursor, name)
        for statement in NOBODY_ELSE:
            cursor.execute(SQL(statement).format(database=database))


def hand_airflow_its_database(settings: Settings) -> None:
    """Let Airflow's own role own its database, with the tables that the owner made there earlier.

    Raises:
        Unreachable: the server does not answer.
    """
    role, name = DatabaseRole.AIRFLOW, settings.postgres.airflow
    database = settings.postgres.airflow_database
    with transaction(settings.dsn(database=database)) as connection:
        cursor = connection.cursor()
        if not _make_role(cursor, settings, role):
            return
        named = {"role": Identifier(name), "database": Identifier(database)}
        cursor.execute(SQL("GRANT {role} TO CURRENT_USER").format(**named))
        cursor.execute(SQL("ALTER DATABASE {database} OWNER TO {role}").format(**named))
        cursor.execute(SQL("GRANT ALL ON SCHEMA public TO {role}").format(**named))
        cursor.execute(SQL(TAKEN_OVER).format(name=Literal(name)))
        cursor.execute(SQL(NOBODY_ELSE[1]).format(**named))


def _make_role(cursor: Any, settings: Settings, role: DatabaseRole) -> bool:
    """Make the role, or give it this password; false without one."""
    name, password = settings.postgres.login(role)
    if name == settings.postgres.user:
        return False
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    verb = SQL("ALTER" if cursor.fetchone() else "CREATE")
    words = (verb, Identifier(name), Literal(password.reveal()))
    cursor.execute(SQL("{} ROLE {} LOGIN PASSWORD {}").format(*words))
    return True


def _grant(
    cursor: Any, name: Identifier, writes: Mapping[str, str], sequences: Sequence[str]
) -> None:
    for table, rights in writes.items():
        words = (SQL(rights), Identifier(table), name)
        cursor.execute(SQL("GRANT {} ON {} TO {}").format(*words))
    for sequence in sequences:
        cursor.execute(SQL("GRANT USAGE ON {} TO {}").format(Identifier(sequence), name))
    if not writes:
        cursor.execute(SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(name))
