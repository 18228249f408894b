"""What a rule's text reaches through its imports: other modules, and sets."""

import ast
import importlib
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

Allows = Callable[[str], bool]


class Imports:
    """The values of a file's imports, by the names that the file gives them.

    Modules that `allows` refuses, and names that do not exist, are left out.
    """

    def __init__(self, tree: ast.Module, allows: Allows) -> None:
        self._tree, self._allows = tree, allows
        self._values: dict[str, object] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._add_module(alias)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                self._values |= self._read_names(node)

    def find_foreign_modules(self) -> Iterator[tuple[int, str, str]]:
        """Line and text of where a module is reached that may not be imported, and its name.

        A module may also not be used as a value, under whose name another could be reached.
        """
        bases = {node.value for node in ast.walk(self._tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ImportFrom) and not node.level:
                for value in self._read_names(node).values():
                    if isinstance(value, ModuleType) and not self._allows(value.__name__):
                        yield node.lineno, ast.unparse(node), value.__name__
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
                value = self._resolve(node)
                if isinstance(value, ModuleType) and not self._is_step(node, value, bases):
                    yield node.lineno, ast.unparse(node), value.__name__

    def find_sets(self) -> frozenset[str]:
        """The names and attributes that are sets of other modules."""
        names = [name for name, value in self._values.items() if _is_set(value)]
        attributes = [
            node.attr
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Attribute) and _is_set(self._resolve(node))
        ]
        return frozenset([*names, *attributes])

    def _is_step(self, expression: ast.expr, module: ModuleType, bases: set[ast.expr]) -> bool:
        """Whether a module stands before a name of its own, and may be imported."""
        is_root = isinstance(expression, ast.Name)  # `include` of `import include.market.time`
        return expression in bases and (is_root or self._allows(module.__name__))

    def _add_module(self, alias: ast.alias) -> None:
        if self._allows(alias.name) and (module := _import(alias.name)):
            root = alias.name.partition(".")[0]
            self._values[alias.asname or root] = module if alias.asname else _import(root)

    def _read_names(self, statement: ast.ImportFrom) -> Mapping[str, object]:
        if not self._allows(statement.module or "") or not (
            module := _import(statement.module or "")
        ):
            return {}
        names = {alias.asname or alias.name: alias.name for alias in statement.names}
        return {
            name: getattr(module, original)
            for name, original in names.items()
            if hasattr(module, original)
        }

    def _resolve(self, expression: ast.expr) -> object:
        """The value of `name` or `name.name.…`, or None if it is not of an import."""
        if isinstance(expression, ast.Name):
            return self._values.get(expression.id)
        if isinstance(expression, ast.Attribute):
            base = self._resolve(expression.value)
            return getattr(base, expression.attr, None) if isinstance(base, ModuleType) else None
        return None


def _import(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None  # the file's own import of it reports that


def _is_set(candidate: object) -> bool:
    return isinstance(candidate, set | frozenset)
