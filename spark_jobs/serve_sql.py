"""The lake for BI tools: Spark's Thrift Server (JDBC and ODBC) over the same Delta tables.

`python -m spark_jobs.serve_sql` until SIGTERM; `./tickhouse up --with sql-server` starts it. Every
query sees the newest version of its tables. A client logs in with the user and the password of the
settings, and only reads: statements that change something, files outside the lake and calls of Java
are refused (`java/ReadOnlySql.java`).
"""

import logging
import threading
from dataclasses import replace
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from include.errors import PlatformError, first_line
from include.lake.reading import open_table
from include.lake.tables import TABLES
from include.log import event
from include.process import run_process
from include.settings import Settings
from spark_jobs.options import DELTA
from spark_jobs.session import open_session
from spark_jobs.sinks import locate_table

SCAN_S = 15.0
# Each new client asks for a Hive metastore: an empty one in this process's memory, so that calls
# about the database are answered from Spark's catalog.
METASTORE = {
    "spark.hadoop.javax.jdo.option.ConnectionURL": "jdbc:derby:memory:metastore;create=true",
    "spark.hadoop.datanucleus.schema.autoCreateAll": "true",
    "spark.hadoop.hive.metastore.schema.verification": "false",
    # Columns and comments of a Delta table are in the catalog too, not only in its log.
    "spark.databricks.delta.catalog.update.enabled": "true",
}
READ_ONLY = {
    "spark.sql.extensions": f"{DELTA['spark.sql.extensions']},tickhouse.ReadOnlySql",
    "spark.hadoop.hive.server2.authentication": "CUSTOM",
}
log = logging.getLogger("tickhouse.sql_server")


def serve(settings: Settings, stop: threading.Event) -> None:
    """Serve until `stop`; a table that is made later is listed within `SCAN_S` seconds.

    Raises:
        PlatformError: the server did not start, or there is no password.
    """
    if not settings.sql_server.password.reveal():
        raise PlatformError("the SQL server has no password: set TICKHOUSE_SQL_SERVER_PASSWORD")
    listen = {
        "spark.hadoop.hive.server2.thrift.bind.host": settings.ports.host,
        "spark.hadoop.hive.server2.thrift.port": str(settings.ports.sql_server),
    }
    heap = replace(settings.stream, driver_memory=settings.sql_server.memory)
    spark = open_session(
        replace(settings, stream=heap),
        "tickhouse sql server",
        options=METASTORE | READ_ONLY | listen,
    )
    _protect(spark, settings)
    listed_names = list_tables(spark, settings, set())
    _start(spark)
    log.info(event("sql server serves", port=settings.ports.sql_server, tables=len(listed_names)))
    while not stop.wait(SCAN_S):
        listed_names |= list_tables(spark, settings, listed_names)
    spark.stop()


def list_tables(spark: SparkSession, settings: Settings, listed_names: set[str]) -> set[str]:
    """Put the lake's tables that are not `listed` into the catalog of every session."""
    new = {name for name in TABLES if name not in listed_names and open_table(settings.lake, name)}
    for name in sorted(new):
        location, comment = (
            text.replace("\\", "\\\\").replace("'", "\\'")
            for text in (locate_table(settings, name), TABLES[name].comment)
        )
        spark.sql(
            f"CREATE TABLE IF NOT EXISTS `{name}` USING delta "
            f"COMMENT '{comment}' LOCATION '{location}'"
        )
    return new


def _protect(spark: SparkSession, settings: Settings) -> None:
    """Configure who may log in and where the tables are; not by options, which others can list."""
    jvm: Any = spark.sparkContext._jvm
    user, password = settings.sql_server.user, settings.sql_server.password.reveal()
    # Hive makes its provider from a configuration that only knows the JVM's own properties.
    jvm.System.setProperty("hive.server2.custom.authentication.class", "tickhouse.SqlLogin")
    jvm.tickhouse.SqlLogin.require(user, password)
    jvm.tickhouse.ReadOnlySql.allow(settings.lake)


def _start(spark: SparkSession) -> None:
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    server = jvm.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2
    try:
        server.startWithContext(spark._jsparkSession.sqlContext())
    except Py4JJavaError as error:
        cause = first_line(error)
        raise PlatformError(f"the SQL server did not start: {cause}") from error


def main() -> None:
    """Entry point of the process."""
    run_process("sql-server", serve)


if __name__ == "__main__":
    main()
