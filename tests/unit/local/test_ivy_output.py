"""Why Ivy could not fetch a jar, out of what it prints."""

import pytest

from include.local.ivy_output import ivy_reason

UNRESOLVED = """\
:: loading settings :: url = jar:file:/x/ivy-2.5.3.jar!/org/apache/ivy/core/settings/ivysettings.xml
:: resolving dependencies :: tickhouse#jars;working@box
    confs: [spark, kafka]
:: problems summary ::
:::: WARNINGS
        module not found: io.delta#delta-storage;4.4.0
    ==== public: tried
      https://repo1.maven.org/maven2/io/delta/delta-storage/4.4.0/delta-storage-4.4.0.pom
        ::::::::::::::::::::::::::::::::::::::::::::::
        ::          UNRESOLVED DEPENDENCIES         ::
        ::::::::::::::::::::::::::::::::::::::::::::::
        :: io.delta#delta-storage;4.4.0: not found
        :: org.apache.kafka#kafka-clients;3.9.2: not found
        ::::::::::::::::::::::::::::::::::::::::::::::
{errors}
:: USE VERBOSE OR DEBUG MESSAGE LEVEL FOR MORE DETAILS
"""
PKIX = (
    "\tServer access error at url https://repo1.maven.org/maven2/a.pom "
    "(javax.net.ssl.SSLHandshakeException: PKIX path building failed: "
    "unable to find valid certification path to requested target)"
)


@pytest.mark.parametrize(
    ("errors", "causes"),
    [
        (f":::: ERRORS\n{PKIX}\n{PKIX}", ["PKIX path building failed", "repo1.maven.org"]),
        (":::: ERRORS\n\tHost repo1.maven.org not found. url=https://repo1.maven.org/a", ["Host"]),
        ("", []),
    ],
)
def test_the_reason_names_the_cause_and_the_jars(errors: str, causes: list[str]) -> None:
    reason = ivy_reason(UNRESOLVED.format(errors=errors))
    for text in [*causes, "unresolved: io.delta#delta-storage;4.4.0 and 1 more"]:
        assert text in reason
    assert "VERBOSE" not in reason and "\n" not in reason and reason.count("PKIX") <= 1


def test_of_other_output_the_last_line_is_the_reason() -> None:
    assert ivy_reason("Error: Unable to access jarfile x.jar\n") == (
        "Error: Unable to access jarfile x.jar"
    )
    assert ivy_reason("") == "it printed nothing"
