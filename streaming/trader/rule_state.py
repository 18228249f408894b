"""What of a loaded rule could change from one signal to the next: its values, not its text."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from functools import partial, partialmethod
from types import (
    BuiltinMethodType,
    CellType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

_MUTABLE = (list, dict, set, bytearray, deque)
_STEPS = ("__next__", "__anext__", "send")  # of iterators, and of coroutines
_LIBRARY_OWN = frozenset(
    "__annotations__ __builtins__ __dataclass_fields__ __protocol_attrs__ _field_defaults".split()
)


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
            if name not in _LIBRARY_OWN and not self._is_made_for(name, value):
                yield from self.find(f"{within}{name}", value)

    def find(self, name: str, value: Any) -> Iterator[tuple[str, str]]:
        """Those that a value is, or holds."""
        if id(value) in self._visited_ids or isinstance(value, ModuleType):
            return
        self._visited_ids.add(id(value))
        value_type = type(value)
        if isinstance(value, _MUTABLE) or any(hasattr(value_type, step) for step in _STEPS):
            yield name, value_type.__name__
        elif isinstance(value, type):
            if self._is_own(value):
                yield from self.find_in(_attributes_of_class(value), within=f"{name}.")
        elif self._is_own(value_type):
            yield from self.find_in(_attributes_of(value), within=f"{name}.")
            for part in _parts_of(value):  # a NamedTuple's
                yield from self.find(name, part)
        else:
            parts = list(_parts_of(value))
            for part in parts:
                yield from self.find(name, part)
            if not parts and not _is_hashable(value):
                yield name, type(value).__name__

    def _is_made_for(self, name: str, value: Any) -> bool:
        """Whether it is a method that a library wrote, as a dataclass's `__repr__`."""
        is_function = isinstance(value, FunctionType)
        is_special = name.startswith("__") and name.endswith("__")
        return is_special and is_function and value.__globals__ is not vars(self._module)

    def _is_own(self, value_type: type) -> bool:
        return value_type.__module__ == self._module.__name__


def _attributes_of_class(value_type: type) -> Mapping[str, Any]:
    """Those of a class; of an enumeration its members, not what it finds them by."""
    attributes = vars(value_type)
    if not issubclass(value_type, Enum):
        return attributes
    members = {member.name: member.value for member in value_type}
    return {name: attributes[name] for name in attributes if not name.startswith("_")} | members


def _attributes_of(value: Any) -> Mapping[str, Any]:
    """Those of an object, in its dictionary and its slots."""
    slots = {
        name: getattr(value, name, None)
        for owner in type(value).__mro__
        for name, descriptor in vars(owner).items()
        if isinstance(descriptor, MemberDescriptorType)
    }
    attributes = getattr(value, "__dict__", {})
    return slots | {name: attributes[name] for name in attributes if name != "__objclass__"}


def _parts_of(value: Any) -> Iterator[Any]:
    """What a value of Python's own types holds."""
    match value:
        case tuple() | frozenset():
            yield from value
        case FunctionType():
            yield from value.__defaults__ or ()
            yield from (value.__kwdefaults__ or {}).values()
            yield from map(_contents, value.__closure__ or ())
        case slice():
            yield from (value.start, value.stop, value.step)
        case MethodType() | BuiltinMethodType():
            yield value.__self__
        case partial() | partialmethod():
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
