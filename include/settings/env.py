"""Nested frozen dataclasses as flat `PREFIX_GROUP_FIELD` variables; secrets never print."""

import re
from collections.abc import Callable, Mapping
from dataclasses import field, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from include.errors import SettingsError
from include.market.symbols import require_symbol

_VENUE_KEY = re.compile(r"(VENUES_\w+|FORECAST_KAGGLE)_(KEY|SECRET)$")
_OTHERS = 0o077
T = TypeVar("T")


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
    variables = {name.strip(): value.strip() for name, _, value in pairs if name.startswith(prefix)}
    keys = [name for name, value in variables.items() if value and _VENUE_KEY.search(name)]
    if keys and path.stat().st_mode & _OTHERS:
        raise SettingsError(f"{path.name} holds {keys[0]} and others may read it: chmod 600")
    return variables


def describe_variables(group: Any, *, prefix: str) -> list[tuple[str, tuple[Any, str]]]:
    """Each variable of a group, nested ones too, with its default and its meaning."""
    variables: list[tuple[str, tuple[Any, str]]] = []
    for spec in fields(group):
        default, name = getattr(group, spec.name), prefix + spec.name.upper()
        if is_dataclass(default):
            variables += describe_variables(default, prefix=f"{name}_")
        elif isinstance(default, dict):
            for key, of_key in default.items():
                variables += _describe_key(of_key, f"{prefix}{key.upper()}", spec.metadata, key)
        else:
            variables.append((name, (default, spec.metadata["doc"])))
    return variables


def _describe_key(
    default: Any, name: str, metadata: Mapping[str, str], key: str
) -> list[tuple[str, tuple[Any, str]]]:
    if is_dataclass(default):
        return describe_variables(default, prefix=f"{name}_")
    return [(name, (default, metadata["doc"].format(key)))]


def build_group(group: T, environ: Mapping[str, str], *, prefix: str, faults: list[str]) -> T:
    """The group with its values from `environ`; what does not parse is added to `faults`.

    A field that is a dictionary holds a nested group, or a value, for each of its keys: their
    variables are named by the key, not by the field.
    """
    values: dict[str, Any] = {}
    hints = get_type_hints(type(group))
    for spec in fields(group):  # type: ignore[arg-type]
        default, name = getattr(group, spec.name), prefix + spec.name.upper()
        if isinstance(default, dict):
            kind = get_args(hints[spec.name])[1]
            values[spec.name] = {
                key: _value(of_key, kind, environ, f"{prefix}{key.upper()}", faults)
                for key, of_key in default.items()
            }
        else:
            values[spec.name] = _value(default, hints[spec.name], environ, name, faults)
    return type(group)(**values)


def _value(
    default: Any, kind: Any, environ: Mapping[str, str], name: str, faults: list[str]
) -> Any:
    if is_dataclass(default):
        return build_group(default, environ, prefix=f"{name}_", faults=faults)
    if environ.get(name, "") == "":
        return default
    try:
        return _PARSE[kind](environ[name])
    except (ValueError, InvalidOperation, SettingsError) as error:
        faults.append(f"{name}={environ[name]!r}: {error or 'not a number'}")
        return default


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
