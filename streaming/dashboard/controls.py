"""What a viewer chooses with: symbols, range, times, steps through time, annotations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bokeh.models import InlineStyleSheet
from bokeh.models.widgets import Button, MultiChoice, Select, TextInput

from include.errors import QueryError
from include.serving.annotations import MAX_TEXT, Annotation
from streaming.dashboard.annotation_list import describe_time
from streaming.dashboard.choice import (
    MAX_SYMBOLS,
    PRESETS_S,
    RANGES,
    Choice,
    Span,
    format_time,
    make_span,
    parse_span,
)

_HOUR_MINUTES = 60
_CHOSEN = ("chosen", "chosen times")
_PRESET_NAMES = {"1d": "a day", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
_PRESET_NAMES["365d"] = "a year"
_ANY_ACCOUNT = ("", "the symbol's")
_NONE = ("", "remove \N{HORIZONTAL ELLIPSIS}")
_EARLIER, _LATER, _CLOSER, _WIDER = -0.5, 0.5, 0.5, 2.0


class Controls:
    """The widgets of a page, which show a choice, and call back with the viewer's next one."""

    def __init__(
        self,
        style: InlineStyleSheet,
        *,
        choice: Choice,
        symbol_by_account: Mapping[str, str],
        now_s: Callable[[], int],
        on_choice: Callable[[Choice], None],
        on_fault: Callable[[str], None],
    ) -> None:
        """`symbol_by_account` is what each of the trader's accounts trades.

        `now_s` is the market clock; `on_fault` gets a sentence about what was typed.
        """
        self._symbol_by_account = symbol_by_account
        self._choice, self._now_s = choice, now_s
        self._on_choice, self._on_fault = on_choice, on_fault
        self.symbol = Select(name="symbol", width=120, **_look(style))
        self.others = MultiChoice(
            name="others",
            width=170,
            max_items=MAX_SYMBOLS - 1,
            placeholder="compare with",
            **_look(style),
        )
        accounts: list[Any] = [_ANY_ACCOUNT, *((name, name) for name in symbol_by_account)]
        self.account = Select(name="account", options=accounts, width=120, **_look(style))
        ranges = [(str(minutes), _range_name(minutes)) for minutes in RANGES]
        options: list[Any] = [*ranges, *_PRESET_NAMES.items(), _CHOSEN]
        self.minutes = Select(name="minutes", options=options, width=136, **_look(style))
        self.start = _text_input("from_time", "from 2026-11-21T08:00", style)
        self.end = _text_input("to_time", "to (now)", style)
        self.note = _text_input("note", "note at the end of the axis, or where you click", style)
        self.note.max_length, self.note.width = MAX_TEXT, 270
        removable: list[Any] = [_NONE]
        self.remove = Select(name="remove", options=removable, value="", width=110, **_look(style))
        self.buttons = self._make_buttons(style)
        self.show(choice, choice.symbols)
        widgets = (self.symbol, self.others, self.account, self.minutes, self.start, self.end)
        for widget in widgets:
            widget.on_change("value", self._on_change)

    @property
    def models(self) -> list[Any]:
        """All widgets."""
        widgets = [
            self.symbol,
            self.others,
            self.minutes,
            self.start,
            self.end,
            self.note,
            self.remove,
        ]
        accounts = [self.account] if len(self._symbol_by_account) > 1 else []
        return [*widgets, *accounts, *self.buttons]

    def show(self, choice: Choice, symbols: tuple[str, ...]) -> None:
        """Show a choice; `symbols` are those that can be chosen."""
        self._choice, self._is_showing = choice, True  # a half-set choice is nobody's
        options = list(dict.fromkeys([*symbols, *choice.symbols]))
        span = choice.span
        update_model(self.symbol, options=options, value=choice.symbol)
        update_model(self.others, options=[symbol for symbol in options if symbol != choice.symbol])
        update_model(self.others, value=list(choice.symbols[1:]))
        update_model(self.account, value=choice.account)
        update_model(self.minutes, value=_name_range(choice))
        update_model(self.start, value=format_time(span.start_s) if span else "")
        update_model(self.end, value=format_time(span.end_s) if span else "")
        self._is_showing = False

    def list_annotations(self, annotations: Sequence[Annotation]) -> None:
        """Let one of these be removed, the newest first."""
        notes = [(note.annotation_id, _describe_annotation(note)) for note in annotations]
        update_model(self.remove, options=[_NONE, *reversed(notes)])

    def _on_change(self, _attribute: str, _old: Any, _new: Any) -> None:
        if self._is_showing:
            return
        try:
            choice = self._read()
        except QueryError as error:
            self._on_fault(str(error))
            return
        if choice != self._choice:
            self._on_choice(choice)

    def _read(self) -> Choice:
        """The choice that the widgets show, which may be half of the next one."""
        account, symbol = self.account.value, self.symbol.value
        if account != self._choice.account:  # an account brings its symbol along
            symbol = self._symbol_by_account.get(account, symbol)
        elif symbol != self._symbol_by_account.get(account):  # another symbol is not the account's
            account = ""
        others = [other for other in self.others.value if other != symbol]
        choice = replace(self._choice, symbols=(symbol, *others), account=account)
        selected = self.minutes.value
        if selected != _name_range(self._choice):
            if selected in PRESETS_S:
                now_s = self._now_s()
                return replace(choice, span=make_span(now_s - PRESETS_S[selected], now_s))
            if selected in map(str, RANGES):
                return replace(choice, minutes=int(selected), span=None)
        span = parse_span(self.start.value.strip(), self.end.value.strip(), now_s=self._now_s())
        return replace(choice, span=span)

    def _make_buttons(self, style: InlineStyleSheet) -> list[Button]:
        moves: dict[str, tuple[str, Callable[[Span], Span]]] = {
            "earlier": (
                "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
                lambda s: s.move_by(_EARLIER),
            ),
            "later": ("\u203a", lambda span: span.move_by(_LATER)),
            "closer": ("+", lambda span: span.scale_by(_CLOSER)),
            "wider": ("\N{MINUS SIGN}", lambda span: span.scale_by(_WIDER)),
        }
        return [self._make_button(name, *move, style) for name, move in moves.items()]

    def _make_button(
        self, name: str, label: str, move: Callable[[Span], Span], style: InlineStyleSheet
    ) -> Button:
        button = Button(name=name, label=label, width=34, **_look(style))
        button.on_click(lambda: self._on_choice(replace(self._choice, span=move(self._span()))))
        return button

    def _span(self) -> Span:
        """The span that is shown; of the live view the minutes up to now."""
        now_s = self._now_s()
        return self._choice.span or make_span(now_s - self._choice.minutes * 60, now_s)


def update_model(model: Any, **properties: Any) -> None:
    """Set those properties that have another value."""
    new_values = {name: new for name, new in properties.items() if getattr(model, name) != new}
    if new_values:
        model.update(**new_values)


def _look(style: InlineStyleSheet) -> dict[str, Any]:
    return {"stylesheets": [style], "margin": 0}


def _text_input(name: str, placeholder: str, style: InlineStyleSheet) -> TextInput:
    return TextInput(name=name, placeholder=placeholder, width=150, **_look(style))


def _name_range(choice: Choice) -> str:
    """The range's value: the minutes, or that of times that were chosen."""
    return _CHOSEN[0] if choice.span else str(choice.minutes)


def _range_name(minutes: int) -> str:
    return f"{minutes} minutes" if minutes < _HOUR_MINUTES else f"{minutes // _HOUR_MINUTES} h"


def _describe_annotation(annotation: Annotation) -> str:
    return f"{describe_time(annotation)}: {annotation.note[:40]}"
