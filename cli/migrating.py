"""The verb migrate."""

from datetime import UTC, datetime

import click

from cli.console import OUT
from include.errors import PlatformError
from include.settings import from_environment


@click.command()
def migrate() -> None:
    """Bring a world of an older version to this version's schema; `down` first.

    It refuses with a sentence before anything is written, and changes nothing that it does not
    know. `up` names this verb where it is needed; make a backup before it.
    """
    from include.local.schema import migrate as bring_forward
    from include.local.supervisor import SupervisorClient
    from include.versions import SCHEMA, find_versions

    settings = from_environment()
    if SupervisorClient(settings).is_running():
        raise PlatformError("the platform is running: ./tickhouse down first")
    lines = bring_forward(settings, program=find_versions()["Tickhouse"], now=datetime.now(UTC))
    for line in lines or [f"world {settings.world} has the schema {SCHEMA} already"]:
        OUT.print(line, highlight=False, soft_wrap=True)
