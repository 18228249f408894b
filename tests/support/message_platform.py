"""`./tickhouse` whose `up` starts only what carries messages: no Airflow, no trader, no page.

Of the feeds it starts one. On two cores what is left out takes longer to start than all else.
"""

from include.local import platform
from include.local.first_training import FirstTraining
from include.local.program import Program
from include.settings import Settings

WITHOUT = (
    "airflow-",
    "trader",
    "minutes",
    "watcher",
    "dashboard",
    "feed-gemini",
    "feed-deribit",
    "feed-quotes",
)
_list_all = platform.list_programs


def list_message_programs(settings: Settings) -> list[Program]:
    """The programs of the platform that a message passes through, from the venue to the lake."""
    return [program for program in _list_all(settings) if not program.name.startswith(WITHOUT)]


class NoMigration:
    """In the place of Airflow's migration: nothing reads its database."""

    was_started = True

    def __init__(self, *_: object) -> None:
        pass

    def wait(self) -> None:
        pass

    def stop(self) -> None:
        pass


if __name__ == "__main__":
    from cli.main import cli

    platform.list_programs = list_message_programs
    platform.Migration = NoMigration  # type: ignore[assignment,misc]
    FirstTraining.start = lambda self: None  # type: ignore[method-assign]
    cli(prog_name="tickhouse")
