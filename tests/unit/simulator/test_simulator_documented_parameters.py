"""Each documented parameter of a simulated method is in its table: simulated, or refused.

Which parameters and words there are is taken from typed-deribit, made of Deribit's own schema.
"""

import re
import types
from collections.abc import Iterator
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.deribit_limits import Credits
from streaming.simulator.deribit_methods import METHODS
from streaming.simulator.deribit_rpc import Rpc
from streaming.simulator.deribit_unsupported import UNSUPPORTED
from streaming.simulator.price_path import make_paths
from tests.support.client_libraries import import_client

PATH = make_paths(7)["BTC-USD"]
_PATH_OF_METHOD = re.compile(r"path='((?:public|private)/\w+)'")


def read_documents() -> dict[str, dict[str, set[str]]]:
    """The words of each parameter (none for free ones), by method and by name."""
    library, documents = import_client("typed_deribit"), dict[str, dict[str, set[str]]]()
    for found in walk_packages(library.__path__, "typed_deribit."):
        module = import_client(found.name)
        path = _PATH_OF_METHOD.search(Path(str(module.__file__)).read_text())
        if path and hasattr(module, "Request"):
            words = documents.setdefault(path[1], {})
            for variant in _variants(module.Request):
                for name, hint in get_type_hints(variant).items():
                    words[name] = words.get(name, set()) | set(_words(hint))
    return documents


def _variants(request: Any) -> tuple[Any, ...]:
    is_union = get_origin(request) in {Union, types.UnionType}
    return get_args(request) if is_union else (request,)


def _words(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Literal:
        yield from (word for word in get_args(hint) if isinstance(word, str))
    elif get_origin(hint) in {Union, types.UnionType}:
        for part in get_args(hint):
            yield from _words(part)


DOCUMENTS = read_documents()


def test_each_documented_method_is_simulated_or_refused() -> None:
    assert len(DOCUMENTS) > 150
    assert set(DOCUMENTS) <= set(METHODS) | UNSUPPORTED


@pytest.mark.parametrize("name", sorted(set(DOCUMENTS) & set(METHODS)))
def test_a_methods_table_holds_its_documented_parameters_and_their_words(name: str) -> None:
    table = {param.name: param for param in METHODS[name].params}
    assert set(table) == set(DOCUMENTS[name])
    for param_name, words in DOCUMENTS[name].items():
        for word in words:
            table[param_name].read(param_name, word)


REFUSING = [name for name, m in METHODS.items() if any(param.refusal for param in m.params)]


@pytest.mark.parametrize("name", REFUSING)
def test_what_is_documented_but_not_simulated_is_refused_with_its_name(name: str) -> None:
    account = DeribitAccount(PATH)
    good = {param.name: param.example for param in METHODS[name].params if param.mandatory}
    for param in METHODS[name].params:
        if param.refusal:
            rpc = Rpc(PATH, "k", "s", account, Credits())
            rpc.token_until_ms = 2
            assert param.refuses(param.example) and not any(map(param.refuses, param.harmless))
            with pytest.raises(DeribitError) as refusal:
                rpc.answer(name, good | {param.name: param.example}, 1)
            code, message = param.refusal
            data = {"param": param.name, "reason": "not simulated"}
            assert refusal.value.body == {"code": code, "message": message, "data": data}
    assert not account.changes
