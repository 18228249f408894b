"""The measures of structure and words that `./tickhouse check` prints, each with its limit."""

import ast
from statistics import median

import pytest

from include.settings import ROOT
from tests.house import measures

SOURCES = measures.sources()
MEDIAN_FILE, MEDIAN_FUNCTION = 100, 9


def test_files_and_functions_are_short_at_the_median() -> None:
    assert median(path.read_text().count("\n") for path in SOURCES) <= MEDIAN_FILE
    assert median(measures.functions(SOURCES)) <= MEDIAN_FUNCTION


def test_no_packages_of_the_library_import_each_other() -> None:
    assert measures.package_cycles(SOURCES) == []


def test_no_two_files_import_each_other() -> None:
    assert measures.file_cycles(SOURCES) == []


def test_a_cycle_through_a_third_package_is_seen() -> None:
    imported = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert measures.reachable("a", imported) == {"a", "b", "c"}
    assert "d" not in measures.reachable("d", imported)


def test_nothing_is_imported_from_above_or_from_beside() -> None:
    assert measures.upward_imports(SOURCES) == []


def test_the_formatter_is_never_off() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert [
        str(path)
        for path in (*SOURCES, *tests)
        if any(switch in path.read_text() for switch in measures.FORMATTER_SWITCHES)
    ] == []


def test_no_value_has_a_name_that_says_nothing() -> None:
    names = measures.assignments(SOURCES)
    assert [f"{at} {name}" for name, at in names if measures.is_forbidden(name)] == []


def test_a_private_name_and_a_constant_are_names_too() -> None:
    tree = ast.parse("KEPT = 3\n_known = 1\nself._sent = 2\nsent_frames = 4\ndef f(_seen): ...")
    names = [name for name, _ in measures.assigned_names(tree) if measures.is_forbidden(name)]
    assert sorted(names) == ["KEPT", "_known", "_seen", "_sent"]


def test_a_value_in_a_function_is_not_named_by_an_adjective_alone() -> None:
    assert list(measures.unspecific_values(SOURCES)) == []


def test_a_function_is_named_by_what_it_does_or_gives() -> None:
    assert measures.unspecific_functions(SOURCES) == []


def test_a_function_is_not_named_by_a_thing_alone() -> None:
    assert measures.things(SOURCES) == []


def test_a_time_has_its_kind_or_its_unit_in_its_name() -> None:
    assert measures.unnamed_times(SOURCES) == []


@pytest.mark.parametrize(
    ("parameter", "is_refused"),
    [
        ("since: datetime", True),
        ("until: datetime | None = None", True),
        ("at: int", True),
        ("ended_at: datetime", False),
        ("now: datetime", False),
        ("wait_s: float", False),
        ("minutes: int", False),
    ],
)
def test_what_a_time_may_be_named(parameter: str, is_refused: bool) -> None:
    tree = ast.parse(f"def f({parameter}): ...")
    ((argument, kind),) = measures.annotated_parameters(tree)
    assert measures.is_unnamed_time(argument.arg, kind) == is_refused


@pytest.mark.parametrize(
    ("name", "is_refused"),
    [
        ("paced", True),
        ("_summing", True),
        ("at", True),
        ("tables_named", True),
        ("without_ledger", True),
        ("later", True),
        ("send_later", False),
        ("list_quarantined", False),
        ("landed_offsets", False),
        ("is_signed", False),
        ("render_heading", False),
    ],
)
def test_what_a_function_may_be_named(name: str, is_refused: bool) -> None:
    names = list(measures.unspecific_names(ast.parse(f"def {name}(): ...")))
    assert bool(names) == is_refused


def test_no_private_word_is_in_the_product() -> None:
    assert measures.prose([*SOURCES, *measures.reports()]) == []


def test_a_class_name_is_defined_once() -> None:
    twice = {name: at for name, at in measures.classes(SOURCES).items() if len(at) > 1}
    assert twice == {}


def test_a_type_alias_is_named_once() -> None:
    twice = {name: at for name, at in measures.type_aliases(SOURCES).items() if len(at) > 1}
    assert twice == {}


def test_a_parameter_name_has_four_types_at_most() -> None:
    assert measures.crowded_parameters(SOURCES) == {}
