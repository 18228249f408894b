"""Why Ivy could not fetch a jar: its last line is only advice to print more."""

import re

ADVICE = "USE VERBOSE OR DEBUG MESSAGE LEVEL"
# Of a server that cannot be reached or trusted, of a file that cannot be written.
CAUSE = re.compile(
    r"PKIX|SSL|certificate|Host \S+ not found|server access error|timed? ?out|refused|unreachable"
    r"|no space|denied|invalid sha|impossible to|exception",
    re.IGNORECASE,
)
UNRESOLVED = re.compile(r"^(\S+#\S+;\S+?)(?:!\S+)?: (not found|.*unresolved.*)$")
FAILED_DOWNLOAD = re.compile(r"^\[FAILED +\] *(\S+)")
TRACE = re.compile(r"^at \S+\(.*\)$")


def ivy_reason(output: str) -> str:
    """The first cause that Ivy printed, with the jars that it concerns, in one line."""
    lines = [line.strip().strip(":").strip() for line in output.splitlines()]
    lines = [line for line in lines if line and ADVICE not in line and not TRACE.match(line)]
    causes = [line for line in lines if CAUSE.search(line)]
    missing = dict.fromkeys(
        match[1]
        for line in lines
        if (match := UNRESOLVED.match(line) or FAILED_DOWNLOAD.match(line)) is not None
    )
    parts = [min(causes, key=_rank_cause)] if causes else []
    if missing:
        first, *others = missing
        more = f" and {len(others)} more" if others else ""
        parts.append(f"unresolved: {first}{more}")
    return "; ".join(parts) or (lines[-1] if lines else "it printed nothing")


def _rank_cause(cause: str) -> int:
    """Lower for a line that names the cause itself: the certificate, the host."""
    words = ("PKIX", "certificate", "Host ", "refused", "timed out", "No space", "denied")
    return next((rank for rank, word in enumerate(words) if word in cause), len(words))
