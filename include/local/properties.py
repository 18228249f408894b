"""Files of properties, as Java's servers read them."""

from collections.abc import Mapping
from pathlib import Path

from include.atomic_files import write_file


def write_properties(path: Path, properties: Mapping[str, object]) -> None:
    """Write `name=value` lines whole or not at all, mode 0600: they may hold secrets."""
    lines = (f"{name}={_escape(str(text))}\n" for name, text in properties.items())
    write_file(path, "".join(lines), mode=0o600)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\")
