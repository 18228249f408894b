"""A `.env` file in the forms that shells, Compose and python-dotenv read."""

from pathlib import Path

import pytest

from include.errors import SettingsError
from include.local.worlds import write_private
from include.settings.env import read_env

PREFIX = "TICKHOUSE_"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("TICKHOUSE_A=b:9092", "b:9092"),
        ("export TICKHOUSE_A=b:9092", "b:9092"),
        ("\ufeffTICKHOUSE_A=b:9092", "b:9092"),
        ("  TICKHOUSE_A = b:9092  \r", "b:9092"),
        ("TICKHOUSE_A='b:9092'", "b:9092"),
        ('TICKHOUSE_A="b:9092" # the brokers', "b:9092"),
        ("TICKHOUSE_A=b:9092 # the brokers", "b:9092"),
        ("TICKHOUSE_A=\t# nothing yet", ""),
        ("TICKHOUSE_A=b#9092", "b#9092"),
        ("TICKHOUSE_A='b # 9092'", "b # 9092"),
        (r"TICKHOUSE_A='b\n$c'", r"b\n$c"),
        (r'TICKHOUSE_A="b\n\"c\" \\ $d"', 'b\n"c" \\ $d'),
        ("TICKHOUSE_A=x\nTICKHOUSE_A=y", "y"),
        ("TICKHOUSE_A=x\rTICKHOUSE_A=y", "y"),
        ("TICKHOUSE_A=b\x0bc\x0cd\x1ce\x85f\u2028g", "b\x0bc\x0cd\x1ce\x85f\u2028g"),
    ],
)
def test_the_usual_forms_of_a_line_are_read(tmp_path: Path, line: str, value: str) -> None:
    path = tmp_path / ".env"
    path.write_text(f"{line}\n# TICKHOUSE_B=1\nPATH=/bin\n", encoding="utf-8")
    assert read_env(path, prefix=PREFIX) == {"TICKHOUSE_A": value}


@pytest.mark.parametrize(
    "content",
    [
        b"set TICKHOUSE_A=1\n",
        b"tickhouse_a=1\n",
        b"TICKHOUSE_A: 1\n",
        b"TICKHOUSE_A\n",
        b"TICKHOUSE_A='b\n",
        b'TICKHOUSE_A="b" c\n',
        b"TICKHOUSE_A=\xe9\n",
        "TICKHOUSE_A=1\n".encode("utf-16"),
        bytes(64),
    ],
)
def test_a_line_that_would_be_passed_over_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".env"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        read_env(path, prefix=PREFIX)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        read_env(tmp_path, prefix=PREFIX)


@pytest.mark.parametrize(
    "value", ["a\x85b\u2028", "a", "a # b", "'a'", '"', "\\n", "a\nb", " a ", "", "é $x `y`"]
)
def test_what_is_written_down_for_later_commands_is_read_as_it_was(
    tmp_path: Path, value: str
) -> None:
    path = tmp_path / "current.env"
    write_private(path, {"TICKHOUSE_A": value, "TICKHOUSE_B": "b"})
    assert read_env(path, prefix=PREFIX) == {"TICKHOUSE_A": value, "TICKHOUSE_B": "b"}


def written(path: Path) -> bytes:
    write_private(path, {"TICKHOUSE_WORLD": "live", "TICKHOUSE_A": "é # 1"})
    return path.read_bytes()


def test_each_flipped_bit_of_a_written_file_is_damage_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "current.env"
    content = written(path)
    variables, first_line = read_env(path, prefix=PREFIX), content.index(b"\n")
    for at in range(len(content)):
        for bit in range(8):
            flipped = bytes([content[at] ^ 1 << bit])
            path.write_bytes(content[:at] + flipped + content[at + 1 :])
            try:
                outcome: object = read_env(path, prefix=PREFIX)
            except SettingsError as error:
                outcome = str(error).partition(":")[0]
            allowed = [f"{path} cannot be read", *([variables] if at < first_line else [])]
            assert outcome in allowed


@pytest.mark.parametrize("cut", [0, 1, 20, 45, 60, -1])
def test_what_is_left_of_a_written_file_is_damage(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "current.env"
    path.write_bytes(written(path)[:cut])
    if 0 < cut < 40:
        path.write_bytes(bytes(len(path.read_bytes())))
    with pytest.raises(SettingsError, match=r"current\.env cannot be read"):
        read_env(path, prefix=PREFIX, is_own=True)


def test_after_a_change_by_hand_the_first_line_goes(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    lines = written(path).replace(b"live", b"sim").splitlines(keepends=True)
    path.write_bytes(b"".join(lines))
    with pytest.raises(SettingsError, match="changed by hand \\(then remove its first line\\)"):
        read_env(path, prefix=PREFIX)
    path.write_bytes(b"".join(lines[1:]))
    assert read_env(path, prefix=PREFIX)["TICKHOUSE_WORLD"] == "sim"
