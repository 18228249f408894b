"""The verb version: which Tickhouse this is, and what it runs on."""

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The machine-readable form.")
def version(as_json: bool) -> None:
    """Show the versions of Tickhouse and of what it runs on."""
    from include.versions import find_versions

    versions = find_versions()
    if as_json:
        click.echo(json.dumps(versions, indent=1))
        return
    for name, number in versions.items():
        click.echo(f"{name} {number}")
