"""The documents and the code say the same: verbs, settings, topics, tables, DAGs."""

import re
from pathlib import Path

import pytest

from cli.documenting import example_env
from cli.main import cli
from include.lake.tables import TABLES
from include.market.wire import TOPICS
from include.settings import ROOT, variables

DOCUMENTS = [(ROOT / name).read_text() for name in ("README.md", "ARCHITECTURE.md")]
EVERY = "\n".join(DOCUMENTS)
README = DOCUMENTS[0]


@pytest.mark.parametrize("verb", list(cli.commands))
def test_every_verb_is_in_the_readme(verb: str) -> None:
    assert f"./tickhouse {verb}" in README or f"`{verb}" in README


@pytest.mark.parametrize("verb", sorted(set(re.findall(r"\./tickhouse ([a-z]+)", EVERY))))
def test_every_verb_in_the_documents_exists(verb: str) -> None:
    assert verb in cli.commands


@pytest.mark.parametrize("name", [*cli.commands])
def test_every_verb_has_help_of_its_own(name: str) -> None:
    assert len((cli.commands[name].help or "").split()) >= 5


def test_every_topic_is_in_the_documents() -> None:
    assert [topic for topic in TOPICS if topic not in EVERY] == []


def test_every_table_is_in_the_documents() -> None:
    assert [name for name in TABLES if f"`{name}`" not in EVERY] == []


def test_every_dag_is_in_the_documents() -> None:
    dags = [path.stem for path in (ROOT / "dags").glob("*.py")]
    assert dags and [dag for dag in dags if dag not in EVERY] == []


def test_every_setting_named_in_the_documents_exists() -> None:
    named = set(re.findall(r"TICKHOUSE_[A-Z_]+[A-Z]", EVERY))
    assert named - set(variables()) == set()


def test_the_example_of_settings_lists_every_one_as_it_is() -> None:
    assert (ROOT / ".env.example").read_text() == example_env()


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), f"{name} links to {target}"


def test_every_path_named_in_the_documents_exists() -> None:
    tops = "bench|cli|dags|plugins|include|spark_jobs|streaming|tests"
    named = re.findall(rf"`((?:{tops})/[\w/.]+?)/?`", EVERY)
    assert [path for path in named if not Path(ROOT / path).exists()] == []
