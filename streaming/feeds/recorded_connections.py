"""The connections that a tape holds: each begins again, with a book and numbers of its own. Pure.

A recorder that was cut off goes on in the same file once it is connected again. Where that is, the
venue's own frames show: each has some that a connection brings once, such as the frame numbered 0,
a symbol's snapshot or the reply to a request.
"""

from collections.abc import Callable, Iterable, Iterator

from include.market.events import Frame

# Names what of a connection's beginning a frame is, null if nothing; `FIRST`: nothing is before it.
NameStart = Callable[[bytes], str | None]
FIRST = "first"


def numbered_connections(
    frames: Iterable[Frame], name_start: NameStart
) -> Iterator[tuple[int, Frame]]:
    """Each frame with the number of its connection on the tape, from 0 on."""
    number, has_frames, names = 0, False, set[str]()
    for frame in frames:
        name = name_start(frame.data)
        if name is not None and has_frames and (name == FIRST or name in names):
            number += 1
            names.clear()
        if name is not None:
            names.add(name)
        has_frames = True
        yield number, frame


def has_no_start(_data: bytes) -> str | None:
    """Of a venue whose connections begin with nothing of their own."""
    return None
