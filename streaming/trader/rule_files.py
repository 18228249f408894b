"""Rules from a user's own file, `path/to/rule.py:ClassName`, checked for purity when loaded.

A decision must follow from its recorded inputs alone, in a backtest as in the running trader. So a
rule's file may import little, calls nothing that reads or writes outside of it, and keeps nothing
from one signal to the next. The check finds mistakes; it is no protection from malice.
"""

import ast
import builtins
import hashlib
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from include.errors import SettingsError
from include.market.average import AVERAGE_PRICE
from include.trading.decision import RULES
from include.trading.rule import Rule
from include.trading.user_rule import UserRule
from streaming.trader.followers.imbalances import SIGNAL_TYPE as IMBALANCE
from streaming.trader.followers.window_signals import RATIO
from streaming.trader.rule_purity import (
    REFUSED_NAMES,
    allows_module,
    describe_import,
    find_impurities,
)
from streaming.trader.rule_state import find_changeable

SIGNAL_TYPES = (RATIO, IMBALANCE, AVERAGE_PRICE)
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def find_rule(reference: str) -> Rule:
    """The rule of a name, or of a `path/to/rule.py:ClassName`, which is loaded and registered.

    Raises:
        SettingsError: there is no such rule, or its file cannot be loaded or is not pure.
    """
    if ".py:" not in reference:
        if reference not in RULES:
            raise SettingsError(
                f"trader rule {reference!r} is none of {', '.join(RULES)}, "
                "nor a path/to/rule.py:ClassName"
            )
        return RULES[reference]
    path, _, class_name = reference.rpartition(":")
    rule = _load(Path(path), class_name)
    existing = RULES.get(rule.name)
    if existing is not None and existing.source_digest is None:
        raise SettingsError(f"rule {path}: the name {rule.name!r} is one of Tickhouse's own rules")
    RULES[rule.name] = rule
    return rule


def rule_failure(name: str) -> str:
    """Why a user's rule failed last; empty if it never did, or is one of Tickhouse's own."""
    rule = RULES.get(name)
    return rule.failure if isinstance(rule, UserRule) else ""


def _load(path: Path, class_name: str) -> UserRule:
    try:
        source = path.read_bytes()
        tree = ast.parse(source, str(path))
    except (OSError, SyntaxError, ValueError) as error:
        raise SettingsError(f"rule {path} cannot be read: {error}") from error
    if fault := next(find_impurities(tree), None):
        raise SettingsError(f"rule {path}, {fault}")
    module = ModuleType(f"rule_file_{path.stem}")
    module.__dict__["__builtins__"] = _safe_builtins()
    sys.modules[module.__name__] = module  # where dataclasses look for the types of their fields
    try:
        exec(compile(tree, str(path), "exec"), module.__dict__)
        rule_class = getattr(module, class_name, None)
        if not isinstance(rule_class, type):
            raise SettingsError(f"rule {path} has no class {class_name}")
        rule = rule_class()
    except SettingsError:
        raise
    except Exception as error:
        raise SettingsError(
            f"rule {path} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    for name, kind in find_changeable(module, rule, imported=_imported_names(tree)):
        raise SettingsError(
            f"rule {path}, {name}: a {kind} can change: a rule keeps nothing from one signal to "
            "the next; use a tuple or a frozenset"
        )
    return UserRule(
        _read_name(rule, path),
        _find_function(rule, path),
        signal_type=_read_signal_type(rule, path),
        source_digest=hashlib.sha256(source).hexdigest(),
    )


def _read_name(rule: object, path: Path) -> str:
    name = getattr(rule, "name", None)
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        raise SettingsError(
            f"rule {path}: name is {name!r}, and must be lower case, digits and underscores"
        )
    return name


def _read_signal_type(rule: object, path: Path) -> str:
    signal_type = getattr(rule, "signal_type", None)
    if signal_type not in SIGNAL_TYPES:
        raise SettingsError(
            f"rule {path}: signal_type is {signal_type!r}, and must be one of "
            f"{', '.join(SIGNAL_TYPES)}"
        )
    return str(signal_type)


def _find_function(rule: object, path: Path) -> Callable[[Any], object]:
    function = getattr(rule, "desired_side", None)
    if not callable(function):
        raise SettingsError(f"rule {path} has no method desired_side(self, inputs)")
    return function  # type: ignore[no-any-return]


def _imported_names(tree: ast.Module) -> frozenset[str]:
    """The names under which a file knows what other modules define."""
    return frozenset(
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    )


def _safe_builtins() -> Mapping[str, object]:
    names = {name: value for name, value in vars(builtins).items() if name not in REFUSED_NAMES}
    return names | {"__import__": _import, "__build_class__": builtins.__build_class__}


def _import(name: str, *arguments: Any) -> ModuleType:
    if not allows_module(name):
        raise ImportError(describe_import(name))
    return builtins.__import__(name, *arguments)
