"""The measures of structure and words that `./tickhouse check` prints, each with its limit."""

from statistics import median

from include.settings import ROOT
from tests.house import measures

SOURCES = measures.sources()
LARGEST_SHARE = 0.02
MEDIAN_FILE, MEDIAN_FUNCTION = 100, 9


def test_files_and_functions_are_short_at_the_median() -> None:
    assert median(path.read_text().count("\n") for path in SOURCES) <= MEDIAN_FILE
    assert median(measures.functions(SOURCES)) <= MEDIAN_FUNCTION


def test_nothing_is_imported_from_above_or_from_beside() -> None:
    assert measures.upward_imports(SOURCES) == []


def test_the_formatter_is_never_off() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    off = "fmt: " + "skip"
    assert [str(path) for path in (*SOURCES, *tests) if off in path.read_text()] == (
        [str(ROOT / "tests" / "house" / "measures.py")]
    )


def test_few_assigned_names_say_nothing() -> None:
    names = [name for name, _ in measures.assignments(SOURCES)]
    opaque = [name for name in names if name in measures.FORBIDDEN]
    assert len(opaque) <= LARGEST_SHARE * len(names)


def test_a_class_name_is_defined_once() -> None:
    twice = {name: at for name, at in measures.classes(SOURCES).items() if len(at) > 1}
    assert twice == {}
