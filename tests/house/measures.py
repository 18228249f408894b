"""Figures of the structure and of its words: `python -m tests.house.measures [ROOM …]`.

Prints one row per figure over the whole product; with ROOMs (such as include/lake) every place
there that a house test would refuse, as file:line.
"""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bench", "cli", "dags", "include", "plugins", "spark_jobs", "streaming")
# Words that say nothing without their context, so no value may be named by them.
# written apart, so that this file itself has none
FORMATTER_SWITCHES = tuple(f"fmt: {switch}" for switch in ("skip", "off"))
FORBIDDEN = frozenset(
    "found told said given kept there asked known seen made one own done wanted rest left most held"
    " whole every shown again looked sent taken meant worth strange such some both"
    " theirs fed say says sound least place places".split()
)
# Adjectives and question words: of a value in a function they do not say which one it is.
UNSPECIFIC = frozenset("ours why lost where changed listed landed reached what which aside".split())
# A function is named by what it does or by what it gives, so not by one of these alone …
ADJECTIVES = frozenset(
    "available bad big canonical far flat fresh full good healthy keep old past plain public quiet"
    " reachable real sound whole worth likely unfit later".split()
)
# … nor by a name that begins with one of these …
PREPOSITIONS = frozenset(
    "across after aside at before between by during each ever every how once per since there thus"
    " until what when where which while who why with within without".split()
)
# … nor by a participle, unless one of these verbs says what is done with it, or it is a claim.
PARTICIPLE = re.compile(r"(?:[a-z]{2,}[^e]ed|[a-z]{2,}ing|found|kept|made|sent|told|gone|held)$")
VERBS = frozenset(
    "add check count decode delete describe examine exclude fill find follows keep land list"
    " measure merge prune raise read record refuse rename select send serve start write".split()
)
CLAIMS = frozenset("are has is was".split())
NOUNS = frozenset("bidding feed heading nothing ping setting spelling string warning".split())
# A plain function that is one noun gives no hint whether it makes, reads, asks or finds that thing.
THINGS = frozenset(
    "application bounds candles cell channels checkpoints checksum columns command commits"
    " completions components deadline environment extras family feeds figures file files"
    " folder forecast frame frames history invocation ivy jars java klines levels line links"
    " login machine manifest manifests message messages milestones model models notification"
    " number outcome outcomes parser paths payload platform png pollers posterior prices"
    " program programs python quantile reason reply reports restarts screen section sentence"
    " session signature skeleton slices snapshot sources spans starts statements states stream"
    " summary suppliers symbols table tables targets task ticker ticks time times title topic"
    " topics tops trades uris variables variance verdict volatility world".split()
)
FOREIGN = frozenset({"sampling"})  # called by Prophet, so its name is Prophet's
# Private words for which the field has one of its own: reported, recorded, fixed, quarantined …
PROSE = re.compile(
    r"\b(tell|tells|told|telling|teller|confess\w*|mend|mends|mended|strange|stranger|strangers"
    r"|plainly|worn|house has|anew|torn|unforeseen|need be|kept back|set aside"
    r"|sound|unsound|say|says|said|saying|unsaid"
    r"|pulses?|witness(?:es)?|unfit|calm|calmer|vagueness|thinness"
    r"|(?<!at )least(?!-squares|\())\b",
    re.IGNORECASE,
)
# A time has its kind or unit in its name, but for these.
TIME_NAMES = {
    "now": "the moment that the caller counts as now (conventions: time is passed in)",
    "as_of": "SQL's own word for time travel",
}
BARE_TIMES = frozenset("at now since time timeout until wait".split())
FOREIGN_TIMES = frozenset({"streaming/simulator/faults/socket.py"})  # aiohttp's own parameter
LAYERS = {
    "include": 0,
    "spark_jobs": 1,
    "streaming": 1,
    "dags": 1,
    "plugins": 1,
    "bench": 2,
    "cli": 3,
}
MAX_TYPES = 4
# A venue's own folder, or files named after it, and the simulator that speaks its protocol.
OWN = r"deribit|^streaming/simulator/"


def sources() -> list[Path]:
    """The product's Python files."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in names if name.split("/")[0] in ROOMS and (ROOT / name).exists()]


def reports() -> list[Path]:
    """The product's reports in SQL."""
    return sorted((ROOT / "include" / "lake" / "reports").glob("*.sql"))


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def assignments(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """Each assigned name, with where."""
    for path in paths:
        for name, line in assigned_names(ast.parse(path.read_text())):
            yield name, place(path, line)


def assigned_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Each assigned name and private attribute, and each parameter whose name says nothing.

    A public attribute is read with its object, as `producer.sent`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and node.attr.startswith("_")
        ):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg) and is_forbidden(node.arg):
            yield node.arg, node.lineno


def is_forbidden(name: str) -> bool:
    """Whether a name, private or a constant's or not, says nothing without its context."""
    return name.strip("_").lower() in FORBIDDEN


def unspecific_values(paths: list[Path]) -> Iterator[str]:
    """Names of parameters and of values in functions that are an adjective alone, with where."""
    for path in paths:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.arg) and node.arg in UNSPECIFIC:
                yield f"{place(path, node.lineno)} {node.arg}"
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        functions += [n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef)]
        for node in {inner for outer in functions for inner in ast.walk(outer)}:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield from [f"{place(path, node.lineno)} {node.id}"] * (node.id in UNSPECIFIC)


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the function is a property, which is a value and may be an adjective."""
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def unspecific_functions(paths: list[Path]) -> list[str]:
    """Functions whose names do not say what they do or give, with where."""
    return [
        f"{place(path, line)} {name}"
        for path in paths
        for name, line in unspecific_names(ast.parse(path.read_text()))
    ]


def things(paths: list[Path]) -> list[str]:
    """Plain functions that are named by one noun, with where."""
    return [
        f"{place(path, node.lineno)} {node.name}"
        for path in paths
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.strip("_") in THINGS
        and not node.decorator_list
    ]


def unspecific_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Names of functions that are a participle, an adjective or begin with a preposition."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_property(node):
            words = node.name.strip("_").split("_")
            is_participle = words[-1] not in NOUNS and PARTICIPLE.match(words[-1])
            is_explained = len(words) > 1 and (words[0] in VERBS or CLAIMS & set(words))
            if node.name not in FOREIGN and (
                (is_participle and not is_explained)
                or words[0] in PREPOSITIONS
                or (len(words) == 1 and words[0] in ADJECTIVES)
            ):
                yield node.name, node.lineno


def unnamed_times(paths: list[Path]) -> list[str]:
    """Parameters that are times and whose names do not show it, with where."""
    return [
        f"{place(path, argument.lineno)} {argument.arg}: {kind}"
        for path in paths
        if str(path.relative_to(ROOT)) not in FOREIGN_TIMES
        for argument, kind in annotated_parameters(ast.parse(path.read_text()))
        if is_unnamed_time(argument.arg, kind)
    ]


def annotated_parameters(tree: ast.Module) -> Iterator[tuple[ast.arg, str]]:
    """Each parameter with its type, without `| None`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield node, ast.unparse(node.annotation).removesuffix(" | None")


def is_unnamed_time(name: str, kind: str) -> bool:
    """Whether a parameter is a time, and has neither `_at` nor a unit in its name."""
    if kind in {"datetime", "pd.Timestamp"}:
        return not name.endswith("_at") and name not in TIME_NAMES
    return kind in {"int", "float"} and name in BARE_TIMES


def parameter_types(paths: list[Path]) -> dict[str, dict[str, str]]:
    """Parameter name -> its annotated types (without `| None`), each with one place."""
    types: dict[str, dict[str, str]] = defaultdict(dict)
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.arg) and node.annotation is not None:
                text = ast.unparse(node.annotation).removesuffix(" | None")
                types[node.arg][text] = place(path, node.lineno)
    return types


def classes(paths: list[Path]) -> dict[str, list[str]]:
    """Class name -> where it is defined."""
    names: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                names[node.name].append(place(path, node.lineno))
    return names


def type_aliases(paths: list[Path]) -> dict[str, list[str]]:
    """Name of a type given at a module's top -> where; a private one, or a constant, is none."""
    names: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if name[0].isupper() and not name.isupper():
                    names[name].append(place(path, node.lineno))
    return names


def prose(paths: list[Path]) -> list[str]:
    """Private words in code, comments and texts, with where."""
    return [
        f"{place(path, number)} {match[0]}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for match in PROSE.finditer(line.replace("_", " "))
    ]


def functions(paths: list[Path]) -> list[int]:
    """Lines of each function."""
    return [
        (node.end_lineno or 0) - node.lineno + 1
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def upward_imports(paths: list[Path]) -> list[str]:
    """Imports of a room above, or beside (spark_jobs and streaming), with where."""
    wrong = []
    for path in paths:
        room = path.relative_to(ROOT).parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            modules = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            for target in {module.split(".")[0] for module in modules} & set(LAYERS) - {room}:
                if LAYERS[target] >= LAYERS[room]:
                    wrong.append(f"{place(path, node.lineno)} {target}")
    return wrong


def package_cycles(paths: list[Path]) -> list[str]:
    """Packages of the library that import each other, directly or through others."""
    imported: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        room, *within = path.relative_to(ROOT).parts
        if room == "include" and len(within) > 1:
            imported[within[0]] |= set(imported_packages(ast.parse(path.read_text())))
    return sorted(
        f"{package} -> {other} -> … -> {package}"
        for package, others in imported.items()
        for other in others - {package}
        if package in reachable(other, imported)
    )


def file_cycles(paths: list[Path]) -> list[str]:
    """Files that import each other, directly or through others, for types alone too."""
    module_of = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths}
    modules = {module.removesuffix(".__init__") for module in module_of.values()}
    imported: dict[str, set[str]] = defaultdict(set)
    for path, module in module_of.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = {f"{node.module}.{alias.name}" for alias in node.names} & modules
                others = names or ({node.module} & modules)
                imported[module.removesuffix(".__init__")] |= others
    return sorted(module for module in imported if module in reachable(module, imported))


def imported_packages(tree: ast.Module) -> Iterator[str]:
    """Packages and modules right below `include` that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            first, _, rest = node.module.partition(".")
            if first == "include":
                names = [alias.name for alias in node.names]
                yield from [rest.partition(".")[0]] if rest else names


def reachable(start: str, imported: Mapping[str, set[str]]) -> set[str]:
    """All that a package imports, directly or through others."""
    known: set[str] = set()
    waiting = [start]
    while waiting:
        package = waiting.pop()
        waiting += imported.get(package, set()) - known
        known |= imported.get(package, set())
    return known


def bare_writes(path: Path) -> Iterator[int]:
    """Lines that write a file in place, so that a reader may find half of it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            modes = [
                argument.value
                for argument in (*node.args, *(keyword.value for keyword in node.keywords))
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            ]
            if name in {"write_text", "write_bytes", "savefig"} or (
                name == "open" and any(re.fullmatch(r"[wx]\+?[bt]?\+?", mode) for mode in modes)
            ):
                yield node.lineno


def files_with(word: str, paths: list[Path]) -> int:
    """Files with this word in their code, apart from those in `OWN` places."""
    return sum(
        word in path.read_text()
        for path in paths
        if not re.search(OWN, str(path.relative_to(ROOT)))
    )


def figures() -> dict[str, str]:
    """The table of the structure."""
    paths = sources()
    lines = [path.read_text().count("\n") for path in paths]
    sizes = functions(paths)
    names = [name for name, _ in assignments(paths)]
    opaque = sum(is_forbidden(name) for name in names)
    text = "\n".join(path.read_text() for path in paths)
    return {
        "files": f"{len(paths)}",
        "lines": f"{sum(lines)}",
        "lines a file, median / largest": f"{median(lines):.0f} / {max(lines)}",
        "lines a function, median / largest": f"{median(sizes):.0f} / {max(sizes)}",
        "opaque assigned names": f"{opaque} of {len(names)} ({100 * opaque / len(names):.1f} %)",
        "private words in texts": f"{len(prose([*paths, *reports()]))}",
        "parameter names with more than four types": f"{len(crowded_parameters(paths))}",
        "class names defined twice": f"{sum(len(at) > 1 for at in classes(paths).values())}",
        "times without `_at` or a unit": f"{len(unnamed_times(paths))}",
        "functions named by a thing alone": f"{len(things(paths))}",
        "cycles of packages": f"{len(package_cycles(paths))}",
        "upward or sideways imports": f"{len(upward_imports(paths))}",
        "dict[str, Any]": f"{text.count('dict[str, Any]')}",
        "files that name deribit, beside its own": f"{files_with('deribit', paths)}",
        "files that name the column hold_profit": f"{files_with('hold_profit', paths)}",
        "formatter switched off": f"{sum(map(text.count, FORMATTER_SWITCHES))}",
    }


def crowded_parameters(paths: list[Path]) -> dict[str, dict[str, str]]:
    """Parameter names with more types than one word can carry."""
    return {name: types for name, types in parameter_types(paths).items() if len(types) > MAX_TYPES}


def refused(room: str) -> Iterator[str]:
    """Every place in a room that a house test would refuse."""
    every = sources()
    paths = [path for path in every if str(path.relative_to(ROOT)).startswith(room)]
    yield from (f"{at} assigns {name}" for name, at in assignments(paths) if is_forbidden(name))
    in_room = [path for path in reports() if str(path.relative_to(ROOT)).startswith(room)]
    yield from prose(paths + in_room)
    yield from unspecific_values(paths)
    yield from unspecific_functions(paths)
    yield from things(paths)
    yield from unnamed_times(paths)
    for name, at in classes(every).items():
        if len(at) > 1 and any(where.startswith(room) for where in at):
            yield f"class {name} is defined at {', '.join(at)}"
    for name, types in crowded_parameters(every).items():
        here = {kind: at for kind, at in types.items() if at.startswith(room)}
        if here:
            yield f"parameter {name} has {len(types)} types; here {here}"


if __name__ == "__main__":
    if sys.argv[1:]:
        for room in sys.argv[1:]:
            print("\n".join(refused(room)))
    else:
        for label, value in figures().items():
            print(f"{label:45} {value}")
