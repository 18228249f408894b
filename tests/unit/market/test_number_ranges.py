"""What is left of a span of numbers, by counting them."""

from itertools import combinations_with_replacement

from include.market.number_ranges import subtract_span


def test_what_is_left_are_the_numbers_outside() -> None:
    spans = list(combinations_with_replacement(range(6), 2))
    for first, last in spans:
        for begin, end in spans:
            left = subtract_span((first, last), (begin, end))
            numbers = [number for low, high in left for number in range(low, high + 1)]
            due = set(range(first, last + 1)) - set(range(begin, end + 1))
            assert numbers == sorted(due)
            assert all(low <= high for low, high in left)
