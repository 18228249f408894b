"""Nested frozen dataclasses as flat `PREFIX_GROUP_FIELD` variables."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from include.errors import SettingsError, shorten
from include.market.symbols import require_symbol
from include.setting_fields import NOT_NEGATIVE, NumberRange, Secret
from include.setting_kinds import Parser, Requirement
from include.settings.env_file import parse_env, parse_value

_VENUE_KEY = re.compile(r"(VENUES_\w+|FORECAST_KAGGLE)_(KEY|SECRET)$")
_OTHERS = 0o077
FILE = "_FILE"  # behind a secret's name: the file that holds it
ENV_FORMAT, RAW = "ENV_FORMAT", "raw"
LONGEST_NUMBER = 40
SHOWN_CHARS, SECRET_CHARS = 80, 8  # of a value that is refused
T = TypeVar("T")


def read_env(path: Path, *, prefix: str, is_own: bool = False) -> dict[str, str]:
    """The variables of a file whose names begin with `prefix`; none if it is absent.

    `is_own`: the program wrote it, and never an empty one.

    Raises:
        SettingsError: it cannot be read, a line sets nothing, or it holds a venue's key or secret
            and others than its owner may read it.
    """
    if not path.exists():
        return {}
    try:
        text = path.read_bytes().decode()
        if is_own and not text.strip():
            raise ValueError("it is empty")
        variables = parse_env(text, prefix=prefix)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} cannot be read: it is not UTF-8 text") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    keys = [name for name, value in variables.items() if value and _VENUE_KEY.search(name)]
    if keys and path.stat().st_mode & _OTHERS:
        raise SettingsError(f"{path.name} holds {keys[0]} and others may read it: chmod 600")
    return variables


def read_environment(environ: Mapping[str, str], *, prefix: str) -> dict[str, str]:
    """The variables of a process whose names begin with `prefix`.

    With `TICKHOUSE_ENV_FORMAT=raw`, which docker-compose.yml sets, their values are the texts of
    lines of `.env` as they were written: Compose hands them on unread.

    Raises:
        SettingsError: a value that is such a text begins with a quote that does not end it, or a
            name has other letters, which is refused in `.env` too.
    """
    variables = {name: value for name, value in environ.items() if name.startswith(prefix)}
    if variables.pop(f"{prefix}{ENV_FORMAT}", "") != RAW:
        return variables
    try:
        for name in environ.keys() - variables.keys():
            if name.upper().startswith(prefix) and name != f"{prefix}{ENV_FORMAT}":
                raise ValueError(f"{name} does not read {prefix}NAME=value")
        return {name: parse_value(text.strip(), name=name) for name, text in variables.items()}
    except ValueError as error:
        raise SettingsError(f".env cannot be read: {error}") from error


def merge_layers(*layers: Mapping[str, str]) -> dict[str, str]:
    """The variables of all layers, where a later one wins: a value over a file's name and back."""
    merged: dict[str, str] = {}
    for layer in layers:
        for name in layer:
            merged.pop(name.removesuffix(FILE) if name.endswith(FILE) else f"{name}{FILE}", None)
        merged |= layer
    return merged


def read_secret_files(
    environ: Mapping[str, str], defined: Mapping[str, tuple[Any, str]], *, faults: list[str]
) -> dict[str, str]:
    """The variables with `NAME_FILE` replaced by `NAME`, the file's text, where NAME is a secret.

    What cannot be read, or is given twice, is added to `faults`.
    """
    variables = dict(environ)
    for name, (default, _) in defined.items():
        file_name = f"{name}{FILE}"
        if not isinstance(default, Secret) or file_name not in variables:
            continue
        path = variables.pop(file_name)
        if not path:
            continue
        if variables.get(name):
            faults.append(f"{name} and {file_name} are both set: which one counts?")
            continue
        try:
            variables[name] = _read_secret(Path(path))
        except OSError as error:
            faults.append(f"{file_name}={path!r} cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            faults.append(f"{file_name}={path!r} cannot be read: it is not UTF-8 text")
        except ValueError as error:
            faults.append(f"{file_name}={path!r} {error}")
    return variables


def _read_secret(file: Path) -> str:
    """The file's one line; an empty secret would be none, and a role then log in as the owner."""
    text = file.read_text(encoding="utf-8").rstrip("\r\n")
    if not text.strip():
        raise ValueError("is empty: put the secret into it, or remove the setting")
    if not text.isprintable():
        raise ValueError("holds more than one line of text")
    return text


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
    hints = get_type_hints(type(group), include_extras=True)
    for spec in fields(group):  # type: ignore[arg-type]
        default, name = getattr(group, spec.name), prefix + spec.name.upper()
        bounds = spec.metadata.get("bounds", NOT_NEGATIVE)
        choices = spec.metadata.get("choices", ())
        if isinstance(default, dict):
            parse = _choose_parser(get_args(hints[spec.name])[1], bounds)
            values[spec.name] = {
                key: _read_value(of_key, parse, environ, f"{prefix}{key.upper()}", faults)
                for key, of_key in default.items()
            }
        else:
            parse = _choose_parser(hints[spec.name], bounds, choices)
            values[spec.name] = _read_value(default, parse, environ, name, faults)
    return type(group)(**values)


def _read_value(
    default: Any,
    parse: Callable[[str], Any],
    environ: Mapping[str, str],
    name: str,
    faults: list[str],
) -> Any:
    if is_dataclass(default):
        return build_group(default, environ, prefix=f"{name}_", faults=faults)
    if environ.get(name, "") == "":
        return default
    text = environ[name]
    try:
        return parse(text)
    except (ValueError, SettingsError) as error:
        chars = SECRET_CHARS if isinstance(default, Secret) else SHOWN_CHARS
        faults.append(f"{name}={shorten(text, chars=chars)!r}: {error}")
    return default


def _choose_parser(
    kind: Any, bounds: NumberRange, choices: tuple[str, ...] = ()
) -> Callable[[str], Any]:
    """Reads a value of this kind; raises ValueError for what it cannot be."""
    base, *rules = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    parsers = [rule.parse for rule in rules if isinstance(rule, Parser)]
    checks = [rule.require for rule in rules if isinstance(rule, Requirement)]
    ranges = [bounds, *(rule for rule in rules if isinstance(rule, NumberRange))]

    def parse(text: str) -> Any:
        for require in checks:
            require(text)
        parsed: Any = (parsers[0] if parsers else _PARSE[base])(text)
        for allowed in ranges if base in _NUMBERS else ():
            if fault := allowed.fault(parsed):
                raise ValueError(fault)
        if choices and parsed not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return parsed

    return parse


def _parse_number(number_type: Callable[[str], Any], meaning: str) -> Callable[[str], Any]:
    """Reads a number as people write one: without `_`, of at most so many characters."""

    def parse(text: str) -> Any:
        fault = f"not {meaning}"
        if len(text) > LONGEST_NUMBER or "_" in text:
            raise ValueError(fault)
        try:
            return number_type(text)
        except (ValueError, InvalidOperation) as error:
            raise ValueError(fault) from error

    return parse


def _parse_symbols(text: str) -> tuple[str, ...]:
    return tuple(require_symbol(part.strip()) for part in text.split(",") if part.strip())


_NUMBERS = {int, float, Decimal}
_PARSE: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: _parse_number(int, "a whole number"),
    float: _parse_number(float, "a number"),
    Decimal: _parse_number(Decimal, "a number"),
    Secret: Secret,
    Path: lambda text: Path(text).resolve(),
    tuple[str, ...]: _parse_symbols,
}
