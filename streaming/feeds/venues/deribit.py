"""Deribit: books (incremental and grouped), trades and tickers of several instruments.

Source: docs.deribit.com (to 2026-02-24), captures of 2021 and 2026. Trades are numbered by
`trade_seq`, incremental books chained by `change_id`; grouped books heal with the next message.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping

import msgspec

from include.errors import RejectedFrame
from include.market.events import Event, Frame, LedgerEntry, Message, Top
from streaming.feeds.decoded import Decoded, Send, micros, parsed
from streaming.feeds.venues import deribit_payloads as wire
from streaming.feeds.venues import deribit_session as session
from streaming.feeds.venues.deribit_book import InstrumentBook

VENUE = "deribit"
GROUPED_DOTS = 4  # book.INSTRUMENT.GROUP.DEPTH.INTERVAL

_envelope = msgspec.json.Decoder(wire.Envelope)
_token = msgspec.json.Decoder(wire.Token)
_channels = msgspec.json.Decoder(list[str])
_book = msgspec.json.Decoder(wire.Book)
_grouped = msgspec.json.Decoder(wire.GroupedBook)
_trades = msgspec.json.Decoder(tuple[wire.TradePayload, ...])
_ticker = msgspec.json.Decoder(wire.TickerPayload)


class DeribitDecoder:
    """Decodes one connection; `instruments` gives the symbol of each instrument followed.

    `last_ids` are the last `trade_seq` by symbol, shared with the connections before it.
    `channels` are those that were asked for: one that the venue leaves out is told.
    """

    def __init__(
        self,
        *,
        instruments: Mapping[str, str],
        conn: str,
        last_ids: dict[str, int] | None = None,
        channels: tuple[str, ...] = (),
    ) -> None:
        """Start before the first frame of a connection."""
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids = {} if last_ids is None else last_ids
        self._instruments, self._channels = instruments, channels
        self._books: dict[str, InstrumentBook] = defaultdict(InstrumentBook)

    def decode(self, frame: Frame) -> Decoded:
        """Turn a frame into `book`, `trade` or `ticker` messages, and `ledger` ones for holes.

        Raises:
            RejectedFrame: it is no Deribit frame, of no instrument followed, or a venue's error.
        """
        found = parsed(_envelope.decode, frame.data)
        if found.error is not None:
            told = f"request {found.id}: {found.error.code} {found.error.message}"
            if found.id == session.REFRESH:  # log in anew, on a connection of its own
                return Decoded((), renew=f"log-in not renewed: {found.error.code}")
            raise RejectedFrame("venue_error", told)
        if found.params is None:
            return self._reply(found)
        if found.method == "heartbeat":
            self.ignored[found.params.type[:40] or "heartbeat"] += 1
            due = found.params.type == "test_request"
            return Decoded((), sends=(session.alive(),) if due else ())
        return self._notified(found.params, frame)

    def _reply(self, found: wire.Envelope) -> Decoded:
        if found.id is None or not bytes(found.result):
            raise RejectedFrame("wrong_type", "neither notification nor reply")
        self.ignored["reply"] += 1
        if found.id in {session.AUTH, session.REFRESH}:
            token = parsed(_token.decode, bytes(found.result))
            due = session.refresh(token.refresh_token, expires_in_s=token.expires_in)
            return Decoded((), sends=(due,))
        if found.id == session.SUBSCRIBE and self._channels:
            given = set(parsed(_channels.decode, bytes(found.result)))
            if left_out := [one for one in self._channels if one not in given]:
                raise RejectedFrame("venue_error", f"not subscribed: {', '.join(left_out)}")
        return Decoded(())

    def _notified(self, params: wire.Params, frame: Frame) -> Decoded:
        kind, data = params.channel.partition(".")[0], bytes(params.data)
        if kind == "book" and params.channel.count(".") == GROUPED_DOTS:
            return self._grouped(parsed(_grouped.decode, data), frame)
        if kind == "book":
            return self._incremental(parsed(_book.decode, data), params.channel, frame)
        if kind == "trades":
            return self._trades(parsed(_trades.decode, data), frame)
        if kind == "ticker":
            return self._ticker(parsed(_ticker.decode, data), frame)
        if not kind:
            raise RejectedFrame("wrong_type", "a notification without a channel")
        self.ignored[kind[:40]] += 1
        return Decoded(())

    def _incremental(self, book: wire.Book, channel: str, frame: Frame) -> Decoded:
        symbol, kept = self._symbol(book.instrument_name), self._books[book.instrument_name]
        broken, was_valid, last = kept.broken(book), kept.valid, kept.last_id
        changes = kept.apply(book)
        sends: tuple[Send, ...] = ()
        messages = []
        if broken and (was_valid or last is None):
            kept.invalidate()
            detail = f"change {book.prev_change_id} where {last} was due"
            entry = LedgerEntry("gap", "broken_chain", detail=detail)
            messages.append(self._message(symbol, "ledger", frame, entry, seq=book.change_id))
            sends = session.again(channel)
        messages.append(
            self._message(
                symbol,
                "book",
                frame,
                *changes,
                seq=book.change_id,
                time=book.timestamp,
                top=kept.top(),
            )
        )
        return Decoded(tuple(messages), sends=sends)

    def _grouped(self, book: wire.GroupedBook, frame: Frame) -> Decoded:
        symbol, kept = self._symbol(book.instrument_name), self._books[book.instrument_name]
        if kept.last_id is not None and book.change_id <= kept.last_id:
            self.ignored["repeated"] += 1
            return Decoded(())
        told = self._message(
            symbol,
            "book",
            frame,
            *kept.picture(book),
            seq=book.change_id,
            time=book.timestamp,
            top=wire.top_of(book),
        )
        return Decoded((told,))

    def _trades(self, payloads: tuple[wire.TradePayload, ...], frame: Frame) -> Decoded:
        """Tell each run of consecutive trades; between two runs is a hole."""
        runs: list[list[wire.TradePayload]] = []
        messages: list[Message] = []
        for payload in payloads:
            symbol, number = self._symbol(payload.instrument_name), payload.trade_seq
            last = self.last_ids.get(symbol)
            if last is not None and number <= last:
                self.ignored["repeated"] += 1
                continue
            self.last_ids[symbol] = number
            follows = runs and runs[-1][-1].instrument_name == payload.instrument_name
            if last is not None and number > last + 1:
                hole = LedgerEntry("gap", "missing", first_seq=last + 1, last_seq=number - 1)
                messages.append(self._message(symbol, "ledger", frame, hole, seq=number))
                follows = False
            if follows:
                runs[-1].append(payload)
            else:
                runs.append([payload])
        return Decoded((*messages, *(self._run(run, frame) for run in runs)))

    def _run(self, run: list[wire.TradePayload], frame: Frame) -> Message:
        message = self._message(
            self._symbol(run[0].instrument_name),
            "trade",
            frame,
            *map(wire.trade_of, run),
            time=run[-1].timestamp,
        )
        return msgspec.structs.replace(message, seq=(run[0].trade_seq, run[-1].trade_seq))

    def _ticker(self, payload: wire.TickerPayload, frame: Frame) -> Decoded:
        symbol = self._symbol(payload.instrument_name)
        if not payload.last_price:
            self.ignored["ticker without a last price"] += 1
            return Decoded(())
        ticker = wire.ticker_of(payload, payload.last_price)
        told = self._message(symbol, "ticker", frame, ticker, time=payload.timestamp)
        return Decoded((told,))

    def _symbol(self, instrument: str) -> str:
        if instrument not in self._instruments:
            raise RejectedFrame("unknown_symbol", instrument[:40])
        return self._instruments[instrument]

    def _message(
        self,
        symbol: str,
        kind: str,
        frame: Frame,
        *events: Event,
        seq: int | None = None,
        time: int | None = None,
        top: Top | None = None,
    ) -> Message:
        return Message(
            venue=VENUE,
            symbol=symbol,
            kind=kind,
            conn=self.conn,
            seq=None if seq is None else (seq, seq),
            venue_time=None if time is None else micros(time),
            received_time=frame.received_time,
            events=events,
            top=top,
        )
