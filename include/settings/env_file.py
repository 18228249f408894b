"""The text of a `.env` file, read as shells, Compose and python-dotenv read one, and written. Pure.

A line may begin with `export`; a value may be in single quotes (as it is) or in double ones (with
escapes); `#` after a space, outside of quotes, begins a comment. The files that the program writes
begin with a checksum of their other lines, so that a damaged one chooses no other world.
"""

import re
import zlib

_LINE_END = re.compile(r"\r\n|\r|\n")  # what else `splitlines` ends a line at is part of a value
_SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_COMMENT = re.compile(r"(?:^|\s)#.*")
_ESCAPE = re.compile(r'\\([nrt"\\$])')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_CHECKSUM = re.compile(r"# crc32 of the lines below: ([0-9a-f]{8})")
_PLAIN = re.compile(r"[\w./:@%+,=~-]*", re.ASCII)


def parse_env(text: str, *, prefix: str) -> dict[str, str]:
    """The variables whose names begin with `prefix`; of one that is set twice, the last counts.

    Raises:
        ValueError: a line is about such a variable and sets none, or the text is damaged.
    """
    if "\0" in text:
        raise ValueError("it holds NUL bytes")
    checksum = _CHECKSUM.match(text)
    if checksum is not None and text != _put_checksum(text[checksum.end() + 1 :]):
        raise ValueError(
            "its lines are not those of its checksum: it is damaged, or was changed by hand (then "
            "remove its first line)"
        )
    sets = re.compile(rf"(?:export\s+)?({prefix}\w*)\s*=(.*)", re.ASCII)
    is_about = re.compile(rf"\b{prefix}", re.ASCII | re.IGNORECASE)
    variables = {}
    for number, line in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), start=1):
        assignment = line.strip()
        if assignment.startswith("#"):
            continue
        match = sets.fullmatch(assignment)
        if match is not None:
            variables[match[1]] = parse_value(match[2].strip(), name=match[1])
        elif is_about.search(assignment.partition("=")[0]):
            raise ValueError(f"line {number} does not read {prefix}NAME=value")
    return variables


def write_env(variables: dict[str, str]) -> str:
    """The text that `parse_env` reads as these variables, behind its checksum."""
    return _put_checksum("".join(f"{name}={_quote(value)}\n" for name, value in variables.items()))


def parse_value(text: str, *, name: str) -> str:
    """The value that the text behind a line's `=` means.

    Raises:
        ValueError: it begins with a quote that does not end it; `name` is whose it is.
    """
    if not text.startswith(("'", '"')):
        return _COMMENT.sub("", text).rstrip()
    if match := _SINGLE.fullmatch(text):
        return match[1]
    if match := _DOUBLE.fullmatch(text):
        return _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), match[1])
    raise ValueError(f"{name}: its value begins with a quote that does not end it")


def _put_checksum(lines: str) -> str:
    return f"# crc32 of the lines below: {zlib.crc32(lines.encode()):08x}\n{lines}"


def _quote(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'
