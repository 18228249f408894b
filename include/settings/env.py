"""Nested frozen dataclasses as flat `PREFIX_GROUP_FIELD` variables; secrets never print."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, get_type_hints

from include.errors import SettingsError
from include.market.symbols import require_symbol

_VENUE_KEY = re.compile(r"(VENUES_\w+|FORECAST_KAGGLE)_(KEY|SECRET)$")
_OTHERS = 0o077


class Secret(str):
    """Text that never prints: `str()` and `repr()` give stars, `reveal()` the value."""

    def __str__(self) -> str:
        return "***"

    __repr__ = __str__

    def reveal(self) -> str:
        """The secret itself."""
        return str.__str__(self)


def setting(default: Any, doc: str) -> Any:
    """A field with its default and one sentence on what it means, units included."""
    return field(default=default, metadata={"doc": doc})


def read_env(path: Path, *, prefix: str) -> dict[str, str]:
    """The `NAME=value` lines of a file whose names begin with `prefix`; nothing if it is absent.

    Raises:
        SettingsError: it holds a venue's key or secret, and others than its owner may read it.
    """
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    found = {name.strip(): value.strip() for name, _, value in pairs if name.startswith(prefix)}
    keys = [name for name, value in found.items() if value and _VENUE_KEY.search(name)]
    if keys and path.stat().st_mode & _OTHERS:
        raise SettingsError(f"{path.name} holds {keys[0]} and others may read it: chmod 600")
    return found


def named(cls: type, *, prefix: str) -> list[tuple[str, tuple[Any, str]]]:
    """Each variable of a dataclass, nested ones too, with its default and its meaning."""
    found: list[tuple[str, tuple[Any, str]]] = []
    for spec in fields(cls):
        if spec.default is MISSING and isinstance(spec.default_factory, type):
            found += named(spec.default_factory, prefix=f"{prefix}{spec.name.upper()}_")
        else:
            found.append((prefix + spec.name.upper(), (spec.default, spec.metadata["doc"])))
    return found


def built(cls: type, environ: Mapping[str, str], *, prefix: str, faults: list[str]) -> Any:
    """The dataclass with its values from `environ`; what does not parse is added to `faults`."""
    values: dict[str, Any] = {}
    hints = get_type_hints(cls)
    for spec in fields(cls):
        name = prefix + spec.name.upper()
        if spec.default is MISSING and isinstance(spec.default_factory, type):
            values[spec.name] = built(
                spec.default_factory, environ, prefix=f"{name}_", faults=faults
            )
        elif environ.get(name, "") != "":
            try:
                values[spec.name] = _PARSE[hints[spec.name]](environ[name])
            except (ValueError, InvalidOperation, SettingsError) as error:
                faults.append(f"{name}={environ[name]!r}: {error or 'not a number'}")
    return cls(**values)


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(require_symbol(part.strip()) for part in text.split(",") if part.strip())


_PARSE: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    Decimal: Decimal,
    Secret: Secret,
    Path: lambda text: Path(text).resolve(),
    tuple[str, ...]: _symbols,
}
