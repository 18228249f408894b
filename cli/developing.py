"""Verbs for who changes Tickhouse: test, check."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from cli.console import ERR
from include.settings import ROOT

CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
    ("python", "-m", "tests.house.measures"),
)
# Programs that some tests need, and the Debian packages that have them.
TEST_PROGRAMS = {
    "chromium": ("chromium",),
    "chromedriver": ("chromium-driver",),
    "promtool": ("prometheus",),
}
MAX_WORKERS = 4  # more would let tests of services wait for one another


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the whole test suite, services included. ARGUMENTS go to pytest (-k unit).

    `test -- --help` is pytest's own help. Without ARGUMENTS it runs on all cores (at most four),
    else on one, and installs the programs that some tests need where apt may do that. The last
    lines name what was skipped, why, and the command that brings it.
    """
    from include.local.apt import install_packages
    from include.local.class_archive import ensure_class_archive
    from include.local.jars import ensure_jars
    from include.local.java import ensure_java

    ensure_java()
    ensure_jars()
    ensure_class_archive(ERR.print)
    if not arguments:
        absent = [name for name in TEST_PROGRAMS if shutil.which(name) is None]
        install_packages(*(package for name in absent for package in TEST_PROGRAMS[name]))
    os.chdir(ROOT)
    pytest_arguments = arguments or ("-n", str(min(MAX_WORKERS, os.cpu_count() or 1)))
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *pytest_arguments])


@click.command()
def check() -> None:
    """Check format, lint, types and import rules, then print the measures of structure and words.

    Exits 1 at the first check that fails.
    """
    binaries = Path(sys.executable).parent
    for command in CHECKS:
        ERR.print(f"[dim]{' '.join(command)}[/]")
        exit_code = subprocess.run(
            [binaries / command[0], *command[1:]], cwd=ROOT, check=False
        ).returncode
        if exit_code:
            sys.exit(1)
