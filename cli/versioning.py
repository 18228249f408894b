"""The verb version: which Tickhouse this is, and what it runs on."""

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The machine-readable form.")
@click.option("--sbom", is_flag=True, help="All packages and jars, as a CycloneDX document (JSON).")
def version(as_json: bool, sbom: bool) -> None:
    """Show the versions of Tickhouse and of what it runs on."""
    if sbom:
        from include.local.bill_of_materials import bill_of_materials

        click.echo(json.dumps(bill_of_materials(), indent=1))
        return
    from include.versions import find_versions

    versions = find_versions()
    if as_json:
        click.echo(json.dumps(versions, indent=1))
        return
    for name, number in versions.items():
        click.echo(f"{name} {number}")
