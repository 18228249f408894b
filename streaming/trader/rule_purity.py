"""What of a rule's text is not pure: found before the file is run."""

import ast
from collections.abc import Iterator

from streaming.trader.rule_assignments import find_harmless
from streaming.trader.rule_imports import Imports
from streaming.trader.rule_sets import find_uses_of_order

MODULES = frozenset(
    "__future__ collections dataclasses decimal enum fractions functools itertools math operator"
    " statistics typing".split()
)
PURE_ROOMS = ("include.market", "include.trading")
REFUSED_NAMES = frozenset(
    "breakpoint compile delattr eval exec exit getcontext globals hash help id input locals"
    " localcontext memoryview open print quit setattr setcontext vars __import__".split()
)
_REFUSED_METHODS = frozenset(
    "getcontext localcontext now samples setcontext today utcnow".split()  # samples: of chance
)
_CACHES = frozenset("cache cached_property lru_cache".split())
_NO_SURROUNDINGS = "a rule has no clock, no chance, and nothing of the interpreter's"
_NOTHING_KEPT = "a rule keeps nothing from one signal to the next"
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def find_impurities(tree: ast.Module) -> Iterator[str]:
    """What in a file is not pure, each with its line."""
    harmless = find_harmless(tree)
    for node in ast.walk(tree):
        for fault in () if node in harmless else _find_faults(node):
            yield f"line {getattr(node, 'lineno', 1)}: {fault}"
    for node in _find_mutable(tree):
        yield f"line {node.lineno}: {ast.unparse(node)} could change: use a tuple or a frozenset"
    imports = Imports(tree, allows_module)
    for line, text, module in imports.find_foreign_modules():
        yield f"line {line}: {text}: {describe_import(module)}"
    for node in find_uses_of_order(tree, imports.find_sets()):
        yield (
            f"line {node.lineno}: {ast.unparse(node)}: the order of a set differs from process to "
            "process: sort it, or use a tuple"
        )


def allows_module(module: str) -> bool:
    """Whether a rule may import a module."""
    rooms = (module == room or module.startswith(f"{room}.") for room in PURE_ROOMS)
    return module.partition(".")[0] in MODULES or any(rooms)


def describe_import(module: str) -> str:
    """Why a module is refused, and which are not."""
    allowed = ", ".join(sorted(MODULES - {"__future__"}))
    return f"import of {module}: a rule may import {allowed}, include.market and include.trading"


def _find_faults(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import():
            refused = (alias.name for alias in node.names if not allows_module(alias.name))
            yield from map(describe_import, refused)
        case ast.ImportFrom():
            yield from _find_faults_of_import(node)
        case ast.Global() | ast.Nonlocal():
            yield f"{ast.unparse(node)}: {_NOTHING_KEPT}"
        case ast.Attribute() | ast.Subscript() if not isinstance(node.ctx, ast.Load):
            yield f"{ast.unparse(node)} is assigned: {_NOTHING_KEPT}"
        case ast.Name() if node.id in REFUSED_NAMES:
            yield f"{node.id}: a rule reads and writes nothing but its inputs"
        case ast.Attribute() if node.attr in _CACHES:
            yield f"{ast.unparse(node)}: {_NOTHING_KEPT}"
        case ast.Attribute() if node.attr in _REFUSED_METHODS or node.attr.startswith("__"):
            yield f"{ast.unparse(node)}: {_NO_SURROUNDINGS}"


def _find_faults_of_import(statement: ast.ImportFrom) -> Iterator[str]:
    if statement.level or not allows_module(statement.module or ""):
        yield describe_import("." * statement.level + (statement.module or ""))
    for alias in statement.names:
        if alias.name == "*":
            yield "*: name what you import"
        if alias.name in REFUSED_NAMES | _REFUSED_METHODS:
            yield f"{alias.name}: {_NO_SURROUNDINGS}"
        if alias.name in _CACHES:
            yield f"{alias.name}: {_NOTHING_KEPT}"


def _find_mutable(tree: ast.Module) -> Iterator[ast.expr]:
    """Values of modules and classes, and defaults of parameters, that could be changed later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.Assign | ast.AnnAssign):
                    if isinstance(statement.value, _MUTABLE):
                        yield statement.value
        elif isinstance(node, ast.arguments):
            defaults = [*node.defaults, *node.kw_defaults]
            yield from (default for default in defaults if isinstance(default, _MUTABLE))
