"""The smallest change that turns the columns a viewer has into the ones it should have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streaming.dashboard.panels.prices import Columns


@dataclass(frozen=True)
class Change:
    """`patches` in place, then `rows` appended with `rollover`; or `replace` everything."""

    replace: bool = False
    patches: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    rows: Columns | None = None
    rollover: int = 0


def change(old: Mapping[str, Sequence[float]], new: Columns) -> Change | None:
    """What to send; nothing if they are the same.

    Rows are known by `x`. Rows may leave at the front, change in place and come at the end;
    anything else, or many changed rows, is a replacement.
    """
    xs, have = new["x"], list(old["x"])
    if set(old) != set(new) or not have or not xs or xs[0] not in have:
        same = set(old) == set(new) and not have and not xs
        return None if same else Change(replace=True)
    gone = have.index(xs[0])
    kept = len(have) - gone
    if have[gone:] != xs[:kept]:
        return Change(replace=True)
    patches = {name: _changed(list(old[name]), new[name], gone) for name in new if name != "x"}
    patches = {name: found for name, found in patches.items() if found}
    if sum(map(len, patches.values())) > max(16, kept // 4):
        return Change(replace=True)
    rows = {name: values[kept:] for name, values in new.items()} if len(xs) > kept else None
    if not rows and gone:
        return Change(replace=True)
    return Change(patches=patches, rows=rows, rollover=len(xs)) if patches or rows else None


def _changed(old: list[float], new: list[float], gone: int) -> list[tuple[int, float]]:
    if old[gone:] == new[: len(old) - gone]:
        return []
    pairs = zip(old[gone:], new, strict=False)
    return [(gone + i, b) for i, (a, b) in enumerate(pairs) if a is not b and a != b]
