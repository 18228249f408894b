"""The documents and the code say the same: verbs, settings, topics, tables, DAGs, paths."""

import re
from dataclasses import fields

import pytest

from cli.documenting import generated_files
from cli.main import cli
from include.lake.tables import TABLES
from include.market.wire import TOPICS
from include.settings import PREFIX, ROOT, Settings, list_variables
from include.settings.env import ENV_FORMAT
from include.trading.reasons import (
    OrderReason,
    Reason,
    order_reasons_as_markdown,
    reasons_as_markdown,
)
from tests.support.documents import ALL, TEXTS

GENERATED = generated_files()
EXAMPLE_ENV = (ROOT / ".env.example").read_text()
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
TOPS = "bench|cli|dags|deploy|docs|include|plugins|spark_jobs|streaming|tests"
PATH = re.compile(rf"`((?:{TOPS})(?:/[\w./*-]+)?|[\w.-]+\.(?:md|toml|yml|lock|xml))`")
ARCHITECTURE_LINES = 200
MIN_DECISIONS, MAX_DECISIONS = 12, 24


@pytest.mark.parametrize("verb", list(cli.commands))
def test_every_verb_is_in_the_readme(verb: str) -> None:
    readme = TEXTS["README.md"]
    assert f"./tickhouse {verb}" in readme or f"`{verb}" in readme


@pytest.mark.parametrize("verb", sorted(set(re.findall(r"\./tickhouse ([a-z]+)", ALL))))
def test_every_verb_in_the_documents_exists(verb: str) -> None:
    assert verb in cli.commands


@pytest.mark.parametrize("name", [*cli.commands])
def test_every_verb_has_help_of_its_own(name: str) -> None:
    assert len((cli.commands[name].help or "").split()) >= 5


def test_every_topic_is_in_the_documents() -> None:
    assert [topic for topic in TOPICS if f"`{topic}`" not in ALL] == []


def test_every_table_is_in_the_documents() -> None:
    assert [name for name in TABLES if f"`{name}`" not in ALL] == []


def test_every_dag_is_in_the_documents() -> None:
    dags = [path.stem for path in (ROOT / "dags").glob("*.py")]
    assert dags and [dag for dag in dags if f"`{dag}`" not in ALL] == []


def test_every_setting_named_in_the_documents_exists() -> None:
    named = set(re.findall(r"\bTICKHOUSE_[A-Z_]+[A-Z]\b", ALL))
    renamed = set(re.findall(r"\| `(TICKHOUSE_[A-Z_]+)` \|", TEXTS["README.md"]))
    assert named - renamed - set(list_variables()) - {f"{PREFIX}{ENV_FORMAT}"} == set()


def test_every_setting_is_in_the_documents_or_the_example() -> None:
    assert [name for name in list_variables() if f"{name}=" not in EXAMPLE_ENV] == []


def test_every_group_of_settings_is_in_the_operations() -> None:
    groups = [
        field.name.upper()
        for field in fields(Settings)
        if field.name not in {"world", "var", "store"}
    ]
    operations = TEXTS["docs/operations.md"]
    assert [name for name in groups if f"`TICKHOUSE_{name}_…`" not in operations] == []


@pytest.mark.parametrize("path", GENERATED)
def test_a_generated_file_is_what_the_code_makes_of_it(path: str) -> None:
    assert (ROOT / path).read_text() == GENERATED[path], "run: python -m cli.documenting"


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_of_a_document_leads_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    assert [link for link in LINK.findall(TEXTS[name]) if not (folder / link).exists()] == []


@pytest.mark.parametrize("name", TEXTS)
def test_every_path_named_in_a_document_exists(name: str) -> None:
    missing = [path for path in PATH.findall(TEXTS[name]) if not list(ROOT.glob(path))]
    assert missing == []


def test_every_document_is_linked_from_the_readme() -> None:
    linked = set(LINK.findall(TEXTS["README.md"]))
    assert set(TEXTS) - {"README.md"} - linked == set()


def test_the_architecture_is_short() -> None:
    assert TEXTS["ARCHITECTURE.md"].count("\n") <= ARCHITECTURE_LINES


def test_decisions_are_a_dozen_or_two_of_four_lines_each_and_quote_no_figures() -> None:
    text = TEXTS["docs/decisions.md"]
    assert MIN_DECISIONS <= text.count("\n### ") <= MAX_DECISIONS
    decisions = re.findall(r"^### .*\n(?:- \*\*.*\n)+", text, re.MULTILINE)
    labels = ["Context:", "Decision:", "Cost:", "What would change it:"]
    assert [re.findall(r"^- \*\*(.+?)\*\*", one, re.MULTILINE) for one in decisions] == (
        [labels] * text.count("\n### ")
    )
    figures = r"\b\d[\d.,]*\s?(?:µs|ms|s|KB|MB|GB|MiB|GiB|%|messages/s|times|cores?)\b|\d\s?%"
    assert re.findall(figures, text) == []


def test_the_reasons_in_the_documents_are_those_of_the_code() -> None:
    (table,) = re.findall(
        r"<!-- reasons: .* -->\n(.*?)<!-- end of reasons -->", TEXTS["docs/trading.md"], re.DOTALL
    )
    assert table == reasons_as_markdown()
    (table,) = re.findall(
        r"<!-- order reasons: [^>]* -->\n(.*?)<!-- end of order reasons -->",
        TEXTS["docs/trading.md"],
        re.DOTALL,
    )
    assert table == order_reasons_as_markdown()


@pytest.mark.parametrize("reason", [*Reason, *OrderReason], ids=str)
def test_every_reason_is_given_somewhere(reason: Reason | OrderReason) -> None:
    use = re.compile(rf"\b{type(reason).__name__}\.{reason.name}\b")
    given = [
        path
        for top in ("include/trading", "streaming/trader", "include/forecast")
        for path in (ROOT / top).rglob("*.py")
        if path.name != "reasons.py" and use.search(path.read_text())
    ]
    assert given
