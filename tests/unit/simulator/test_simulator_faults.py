"""The script of faults: what it reads, what it says of a bad one, and which messages it strikes."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from include.errors import SettingsError
from include.settings import load
from streaming.simulator.__main__ import make_application
from streaming.simulator.faults import script
from streaming.simulator.faults.edits import apply_edit
from streaming.simulator.faults.live import refuse_foreign
from streaming.simulator.faults.loaded_faults import LoadedFaults
from streaming.simulator.faults.message_filter import EndConnection, MessageFilter, SendMessage
from streaming.simulator.faults.socket import half_a_frame


def message_filter(
    *faults: dict[str, Any], venue: str = "binance", speed: float = 1.0
) -> MessageFilter:
    loaded_faults = LoadedFaults()
    loaded_faults.load(
        script.read(json.dumps({"faults": list(faults), "speed": speed})), now_s=100.0
    )
    return MessageFilter(loaded_faults, loaded_faults.connect(venue, 100.0))


def texts(faulty: MessageFilter, *messages: str, at_s: float = 100.0) -> list[str]:
    return [
        step.text if isinstance(step, SendMessage) else f"end {step.code}"
        for text in messages
        for step in faulty.filter_message(text, at_s)
    ]


def test_messages_are_lost_repeated_and_swapped_by_their_number() -> None:
    assert texts(message_filter({"fault": "skip", "message": 2}), "a", "b", "c") == ["a", "c"]
    assert texts(message_filter({"fault": "repeat", "message": 2}), "a", "b", "c") == [
        "a",
        "b",
        "b",
        "c",
    ]
    assert texts(message_filter({"fault": "reorder", "message": 2}), "a", "b", "c", "d") == [
        *"acbd"
    ]
    assert texts(message_filter({"fault": "skip", "times": 2}), "a", "b", "c") == ["c"]
    assert texts(message_filter({"fault": "skip", "times": 0}), "a", "b", "c") == []
    only = message_filter({"fault": "skip", "stream": "x", "message": 2})
    assert texts(only, "x1", "a", "x2", "x3") == ["x1", "a", "x3"]
    assert texts(message_filter({"fault": "skip", "venue": "gemini"}), "a") == ["a"]
    assert texts(message_filter({"fault": "skip", "connection": 2}), "a") == ["a"]


def test_time_is_counted_from_loading_or_from_the_connection_on_the_scripts_clock() -> None:
    faulty = message_filter({"fault": "close", "age_s": 86_400, "code": 1008}, speed=86_400)
    assert texts(faulty, "a", at_s=100.9) == ["a"]
    assert texts(faulty, "b", at_s=101.0) == ["end 1008"]
    assert texts(message_filter({"fault": "skip", "at_s": 5}), "a", at_s=104.9) == ["a"]
    assert texts(message_filter({"fault": "skip", "at_s": 5}), "a", at_s=105.0) == []


def test_silence_lets_heartbeats_pass_and_ends() -> None:
    beat = '{"type":"heartbeat"}'
    faulty = message_filter({"fault": "silence", "for_s": 10})
    assert texts(faulty, "a", "b", beat) == ["a", beat] and faulty.withholds_data(109.9)
    assert texts(faulty, "b", at_s=110.0) == ["b"]
    dead = message_filter({"fault": "silence", "heartbeats": False})
    assert texts(dead, "a", "b", beat, at_s=1e9) == ["a"] and not dead.withholds_data(1e9)


def test_a_shutdown_is_announced_as_the_connection_frames_it_and_then_it_closes() -> None:
    faulty = message_filter({"fault": "server_shutdown", "lead_s": 2})
    (notice, data) = texts(faulty, '{"stream":"x"}')
    assert json.loads(notice)["data"] == {"e": "serverShutdown", "E": 100_000}
    assert json.loads(notice)["stream"] == "!serverShutdown" and data == '{"stream":"x"}'
    assert texts(faulty, "b", at_s=101.9) == ["b"] and texts(faulty, "c", at_s=102) == ["end 1001"]


def test_a_cut_leaves_part_of_the_frame_with_the_head_of_the_whole() -> None:
    assert message_filter({"fault": "cut", "share": 0.25}).filter_message("abcdefgh", 100) == [
        EndConnection(1006, "abcdefgh", 0.25)
    ]
    # RFC 6455, 5.2: 0x81 is a final text frame; 126 says that two bytes of length follow
    assert half_a_frame(b"abcdefgh", 0.25) == b"\x81\x08ab"
    assert half_a_frame(b"x" * 200, 0.5) == b"\x81\x7e\x00\xc8" + b"x" * 100
    assert half_a_frame(b"x" * 70_000, 0.5)[:10] == b"\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70"


def test_requests_are_refused_in_the_venues_words_or_not_answered() -> None:
    request = '{"jsonrpc":"2.0","id":4,"method":"public/auth","params":{}}'
    refuse = {"fault": "refuse_request", "request": "public/auth"}
    (step,) = message_filter(refuse).filter_request(request, 100) or []
    assert isinstance(step, SendMessage) and json.loads(step.text) == {
        "jsonrpc": "2.0",
        "id": 4,
        "error": {"code": 13009, "message": "invalid_token"},
    }
    assert (
        message_filter({"fault": "ignore_request", "request": "auth"}).filter_request(request, 100)
        == []
    )
    assert message_filter({"fault": "close", "request": "auth"}).filter_request(request, 100) == [
        EndConnection(1006)
    ]
    assert message_filter({"fault": "close", "request": "auth"}).filter_message(request, 100) == [
        SendMessage(request)
    ]
    assert (
        message_filter({"fault": "ignore_request", "request": "other"}).filter_request(request, 100)
        is None
    )


@pytest.mark.parametrize(
    ("fault", "before", "after"),
    [
        (script.Crossed(), {"b": "1.5", "a": "1.6"}, {"b": "1.6", "a": "1.5"}),
        (script.Crossed(), {"b": [], "a": [["2", "1"]]}, {"b": [["20.0", "1"]], "a": [["2", "1"]]}),
        (
            script.Crossed(),
            {"type": "change", "bids": [["new", 5.0, 10.0]], "asks": []},
            {"type": "change", "bids": [["new", 50.0, 10.0], ["new", 5.0, 10.0]], "asks": []},
        ),
        (script.NumbersAsText(), {"a": 1, "b": [2.5, True]}, {"a": "1", "b": ["2.5", True]}),
        (script.NumbersAsText(keys=["a"]), {"a": 1, "b": 2}, {"a": "1", "b": 2}),
        (script.TextAsNumbers(keys=["p"]), {"p": "1.5", "q": "2"}, {"p": 1.5, "q": "2"}),
        (script.NewField(key="x", value=[1]), {"a": {"b": 1}}, {"a": {"b": 1, "x": [1]}, "x": [1]}),
        (
            script.NewValue(key="e", value="z"),
            {"e": "a", "d": [{"e": 1}]},
            {"e": "z", "d": [{"e": "z"}]},
        ),
        (script.NewValue(key="no", value="z"), {"e": "a"}, None),
    ],
)
def test_edits_change_what_they_say_and_nothing_else(
    fault: script.Edit, before: object, after: object
) -> None:
    edited = apply_edit(fault, json.dumps(before))
    assert (None if edited is None else json.loads(edited)) == after


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("faults: [{fault: explode}]", "faults[0].fault = 'explode': Invalid value 'explode'"),
        ("faults: [{fault: skip, at_s: soon}]", "faults[0].at_s = 'soon': Expected `float"),
        ("faults: [{fault: skip}, {fault: close, code: 42}]", "faults[1].code = 42: Expected"),
        ("faults: [{fault: skip, when: 3}]", "faults[0].when = 3: no such key"),
        ("faults: [{fault: new_value, key: e}]", "missing required field `value`"),
        ("faults: [{fault: answer, path: x}]", "faults[0].path = 'x': Expected"),
        ("faults: [{fault: skip, venue: kraken}]", "faults[0].venue = 'kraken': Invalid"),
        ("speed: 0", "speed = 0: Expected"),
        ("speeds: 2", "speeds = 2: no such key"),
        ("- 1", "it = [1]: Expected `object`"),
        ("{", "no YAML"),
    ],
)
def test_a_bad_script_is_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        script.read(text)
    assert message in str(error.value)


def test_the_simulator_does_not_start_with_a_script_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        make_application(load({"TICKHOUSE_SIMULATOR_FAULTS": str(tmp_path / "none.yaml")}))


JSON = "application/json"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": JSON}, 200),
        ({"Content-Type": "application/yaml; charset=utf-8"}, 200),
        ({"Content-Type": JSON, "Origin": "http://127.0.0.1:18765"}, 200),
        ({"Content-Type": JSON, "Host": "localhost:18765"}, 200),
        ({"Content-Type": JSON, "Host": "simulator:18765"}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": JSON, "Origin": "https://evil.example"}, 403),
        ({"Content-Type": JSON, "Origin": "null"}, 403),
        ({"Content-Type": JSON, "Host": "evil.example:18765"}, 403),
    ],
)
def test_no_web_page_can_ask_for_a_fault(headers: dict[str, str], status: int) -> None:
    full = {"Host": "127.0.0.1:18765", **headers}
    request = make_mocked_request("POST", "/faults", headers=full)
    refusal = refuse_foreign(request)
    assert (refusal.status if refusal else 200) == status


def test_a_page_cannot_remove_or_read_faults_either() -> None:
    for method in ("GET", "DELETE"):
        foreign = {"Host": "127.0.0.1:18765", "Origin": "https://evil.example"}
        assert refuse_foreign(make_mocked_request(method, "/faults", headers=foreign))
        assert not refuse_foreign(make_mocked_request(method, "/faults", headers={"Host": "[::1]"}))
