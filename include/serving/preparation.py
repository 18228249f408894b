"""What the serving database has before the first process uses it."""

from include.serving.tables import create_tables
from include.serving.views import create_reader
from include.settings import Settings


def create_serving_database(settings: Settings) -> None:
    """Make the tables, the views, and the role that only reads.

    Raises:
        Unreachable: the server does not answer.
    """
    create_tables(settings.dsn())
    reader = settings.postgres
    password = reader.reader_password.reveal()
    create_reader(settings.dsn(), name=reader.reader, password=password)
