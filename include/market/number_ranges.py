"""Ranges of a venue's numbers. Pure."""

NumberSpan = tuple[int, int]  # first and last number, both within


def subtract_span(number_span: NumberSpan, closed: NumberSpan) -> list[NumberSpan]:
    """The parts of a span outside of another: none, one or two."""
    (first, last), (begin, end) = number_span, closed
    parts = (first, min(last, begin - 1)), (max(first, end + 1), last)
    if end < first or begin > last:
        return [number_span]
    return [part for part in parts if part[0] <= part[1]]
