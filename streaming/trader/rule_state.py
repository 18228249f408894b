"""What of a loaded rule could change from one signal to the next: its values, not its text."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from types import CellType, FunctionType, ModuleType
from typing import Any

_MUTABLE = (list, dict, set, bytearray, deque)
_LIBRARY_OWN = frozenset({"_field_defaults"})  # of a NamedTuple


def find_changeable(
    module: ModuleType, rule: object, *, imported: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Name and type of each value of a rule's file, and of its rule, that could change.

    `imported` are the names that other modules define.
    """
    state = _State(module)
    own_names = {name: value for name, value in vars(module).items() if name not in imported}
    yield from state.find_in(own_names, within="")
    yield from state.find(type(rule).__name__, rule)


class _State:
    """Looks at each value of a module once."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._visited_ids: set[int] = set()

    def find_in(self, values: Mapping[str, Any], *, within: str) -> Iterator[tuple[str, str]]:
        """Those of named values; what Python and its library keep there is their own."""
        for name, value in values.items():
            is_theirs = (name.startswith("_") and name.endswith("_")) or name in _LIBRARY_OWN
            if not is_theirs:
                yield from self.find(f"{within}{name}", value)

    def find(self, name: str, value: Any) -> Iterator[tuple[str, str]]:
        """Those that a value is, or holds."""
        if id(value) in self._visited_ids or isinstance(value, ModuleType):
            return
        self._visited_ids.add(id(value))
        if isinstance(value, _MUTABLE) or hasattr(type(value), "__next__"):
            yield name, type(value).__name__
        elif isinstance(value, type):
            if self._is_own(value):
                yield from self.find_in(vars(value), within=f"{name}.")
        elif self._is_own(type(value)):
            yield from self.find_in(getattr(value, "__dict__", {}), within=f"{name}.")
        else:
            parts = list(_parts_of(value))
            for part in parts:
                yield from self.find(name, part)
            if not parts and not _is_hashable(value):
                yield name, type(value).__name__

    def _is_own(self, value_type: type) -> bool:
        return value_type.__module__ == self._module.__name__


def _parts_of(value: Any) -> Iterator[Any]:
    """What a value of Python's own types holds."""
    match value:
        case tuple() | frozenset():
            yield from value
        case FunctionType():
            yield from value.__defaults__ or ()
            yield from (value.__kwdefaults__ or {}).values()
            yield from map(_contents, value.__closure__ or ())
        case partial():
            yield from (value.func, *value.args, *value.keywords.values())
        case staticmethod() | classmethod():
            yield value.__func__
        case property():
            yield from (value.fget, value.fset)


def _contents(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing is assigned to it yet
        return None


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
