"""Arms that take turns: every one is first, every round is told, ratios are of one round."""

from bench.rounds import compare, take_turns


def test_each_arm_is_first_once_and_the_rounds_are_prepared_and_told() -> None:
    order, told, rates = list[str](), list[str](), iter(range(1, 100))

    def arm(name: str) -> float:
        order.append(name)
        return float(next(rates))

    found = take_turns(
        {name: lambda name=name: arm(name) for name in "abc"},
        rounds=3,
        unit="rows/s",
        print_line=told.append,
        prepare=lambda: order.append("-"),
    )
    assert "".join(order) == "-abc-bca-cab"
    assert found == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}
    assert told[1] == "round 2 of 3: a 6, b 4, c 5 rows/s"


def test_the_median_is_told_with_the_lowest_and_highest_ratio_of_a_round() -> None:
    rates = {"ours": [10.0, 40.0, 20.0], "job": [5.0, 10.0, 20.0], "other": [1.0, 1.0, 1.0]}
    rows = [
        (row.name, row.value, row.unit, row.peer, row.peer_value, row.ratio)
        for row in compare("land", rates, "ours", unit="rows/s")
    ]
    assert rows == [
        ("land", 20, "rows/s", "job", 10, 2.0),
        ("land_ratio_lowest", 1.0, "times", "job", None, None),
        ("land_ratio_highest", 4.0, "times", "job", None, None),
        ("land", 20, "rows/s", "other", 1, 20.0),
        ("land_ratio_lowest", 10.0, "times", "other", None, None),
        ("land_ratio_highest", 40.0, "times", "other", None, None),
    ]


def test_an_arm_without_a_peer_has_its_median_alone() -> None:
    (row,) = compare("land", {"ours": [1.0, 9.0, 3.0]}, "ours", unit="rows/s")
    assert (row.value, row.peer) == (3, None)
