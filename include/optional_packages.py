"""Packages that no part of the product needs, in the dependency groups of `pyproject.toml`."""

from include.settings import ROOT


def install_command(group: str) -> str:
    """The command that installs a group, with the uv that `./tickhouse` uses."""
    uv = ".venv/bin/uv" if (ROOT / ".venv" / "bin" / "uv").exists() else "uv"
    return f"{uv} sync --group {group} --inexact"
