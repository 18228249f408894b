"""Verbs for who changes Tickhouse: test, check."""

import os
import subprocess
import sys
from pathlib import Path

import click

from cli.console import ERR
from include.settings import ROOT

MOST_WORKERS = 4  # as many groups as tests/conftest.py makes


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the whole test suite, services included. ARGUMENTS go to pytest (-k unit).

    Without ARGUMENTS it runs on all cores (at most four), else on one.
    """
    from include.local.class_archive import ensure_class_archive
    from include.local.jars import ensure_jars
    from include.local.java import ensure_java

    ensure_java()
    ensure_jars()
    ensure_class_archive(ERR.print)
    os.chdir(ROOT)
    given = arguments or ("-n", str(min(MOST_WORKERS, os.cpu_count() or 1)))
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *given])


@click.command()
def check() -> None:
    """Check format, lint, types and import rules; exits 1 at the first that fails."""
    binaries = Path(sys.executable).parent
    for command in (
        ["ruff", "format", "--check", "."],
        ["ruff", "check", "."],
        ["mypy"],
        ["lint-imports"],
    ):
        ERR.print(f"[dim]{' '.join(command)}[/]")
        done = subprocess.run([str(binaries / command[0]), *command[1:]], cwd=ROOT, check=False)
        if done.returncode:
            sys.exit(1)
