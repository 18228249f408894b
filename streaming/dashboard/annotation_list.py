"""The annotations of a chart as HTML. What people wrote is escaped."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from include.serving.annotations import Annotation

_LISTED = 20


def render_annotations(annotations: Sequence[Annotation]) -> str:
    """The newest annotations as a list, the newest first; empty if there is none."""
    if not annotations:
        return ""
    items = "".join(
        f"<li><time>{describe_time(note)}</time> {escape(note.note)}</li>"
        for note in annotations[: -_LISTED - 1 : -1]
    )
    more = len(annotations) - _LISTED
    hidden = f"<li>and {more} earlier ones</li>" if more > 0 else ""
    return f'<ul class="notes">{items}{hidden}</ul>'


def describe_time(annotation: Annotation) -> str:
    """When it is: `26 Nov 2026 08:00`."""
    return f"{datetime.fromtimestamp(annotation.at_s, UTC):%-d %b %Y %H:%M}"
