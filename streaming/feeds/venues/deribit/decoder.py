"""Deribit: books (incremental and grouped), trades and tickers of several instruments.

Source: docs.deribit.com (to 2026-02-24), captures of 2021 and 2026. Trades are numbered by
`trade_seq`, incremental books chained by `change_id`; grouped books heal with the next message.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping

import msgspec

from include.errors import RejectedFrame
from include.market.events import Event, Frame, LedgerEntry, Message, Top
from include.market.time import SECOND_US, USUAL_BOUND, TimeBound
from include.market.venues import DERIBIT, SNAPSHOT
from streaming.feeds.decoding import (
    DecodedFrame,
    RejectedParts,
    Request,
    parse,
    to_micros,
)
from streaming.feeds.trade_sequence import ContiguousTrades, Entries
from streaming.feeds.update_numbers import UpdateNumbers
from streaming.feeds.venues.deribit import payloads, session
from streaming.feeds.venues.deribit.book import InstrumentBook, require_levels

VENUE = DERIBIT.name
_OPENING = {session.AUTH, session.HEARTBEAT, session.SUBSCRIBE}
GROUPED_DOTS = 4  # book.INSTRUMENT.GROUP.DEPTH.INTERVAL
SNAPSHOT_US = 10 * SECOND_US  # how long a snapshot that was asked for may take

_envelope = msgspec.json.Decoder(payloads.Envelope)
_token = msgspec.json.Decoder(payloads.Token)
_channels = msgspec.json.Decoder(list[str])
_book = msgspec.json.Decoder(payloads.IncrementalBook)
_grouped = msgspec.json.Decoder(payloads.GroupedBook)
_trades = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_trade = msgspec.json.Decoder(payloads.DeribitTrade)
_ticker = msgspec.json.Decoder(payloads.DeribitTicker)


def name_start(data: bytes) -> str | None:
    """A connection begins with the replies to its opening requests."""
    if b'"method"' in data[:200]:
        return None
    try:
        reply = _envelope.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    is_opening = reply.params is None and reply.id in _OPENING
    return f"reply {reply.id}" if is_opening else None


class DeribitDecoder:
    """Decodes one connection; `instruments` gives the symbol of each instrument followed.

    `last_ids` are the last `trade_seq` by symbol, shared with the connections before it.
    `channels` are those that were asked for: a reply that leaves one out is rejected.
    """

    def __init__(
        self,
        *,
        instruments: Mapping[str, str],
        conn: str,
        last_ids: dict[str, int] | None = None,
        channels: tuple[str, ...] = (),
        bound: TimeBound = USUAL_BOUND,
    ) -> None:
        self.conn = conn
        self.ignored: Counter[str] = Counter()
        self.last_ids = {} if last_ids is None else last_ids
        self._instruments, self._channels = instruments, channels
        self._books: dict[str, InstrumentBook] = defaultdict(InstrumentBook)
        self._sequences = {
            symbol: ContiguousTrades(self.last_ids, symbol) for symbol in instruments.values()
        }
        self._pictures = UpdateNumbers(self.last_ids, "book")
        self._parts = RejectedParts(bound)

    def decode(self, frame: Frame) -> DecodedFrame:
        """Turn a frame into `book`, `trade` or `ticker` messages, and `ledger` ones for holes.

        Raises:
            RejectedFrame: it is no Deribit frame, of no instrument followed, or a venue's error.
        """
        self._parts.clear()
        return self._parts.complete(self._decode(frame))

    def _decode(self, frame: Frame) -> DecodedFrame:
        envelope = parse(_envelope.decode, frame.data)
        error, params = envelope.error, envelope.params
        if error is not None:
            if envelope.id == session.REFRESH:  # log in again, on a new connection
                return DecodedFrame((), renew=f"log-in not renewed: {error.code}")
            raise RejectedFrame(
                "venue_error",
                f"request {envelope.id}: {error.code} {error.message}",
                needs_snapshot=envelope.id == session.RESUBSCRIBE,
            )
        if params is None:
            return self._decode_reply(envelope)
        if envelope.method == "heartbeat":
            self.ignored[params.type[:40] or "heartbeat"] += 1
            due = params.type == "test_request"
            return DecodedFrame((), requests=(session.heartbeat_answer(),) if due else ())
        return self._decode_notification(params, frame)

    def _decode_reply(self, envelope: payloads.Envelope) -> DecodedFrame:
        if envelope.id is None or not bytes(envelope.result):
            raise RejectedFrame("wrong_type", "neither notification nor reply")
        self.ignored["reply"] += 1
        if envelope.id in {session.AUTH, session.REFRESH}:
            token = parse(_token.decode, bytes(envelope.result))
            renewal = session.refresh(token.refresh_token, expires_in_s=token.expires_in)
            return DecodedFrame((), requests=(renewal,))
        if envelope.id == session.SUBSCRIBE and self._channels:
            subscribed = set(parse(_channels.decode, bytes(envelope.result)))
            if left_out := [name for name in self._channels if name not in subscribed]:
                raise RejectedFrame("venue_error", f"not subscribed: {', '.join(left_out)}")
        return DecodedFrame(())

    def _decode_notification(self, params: payloads.Params, frame: Frame) -> DecodedFrame:
        kind, data = params.channel.partition(".")[0], bytes(params.data)
        if kind == "book" and params.channel.count(".") == GROUPED_DOTS:
            return self._decode_grouped(parse(_grouped.decode, data), frame)
        if kind == "book":
            return self._decode_incremental(parse(_book.decode, data), params.channel, frame)
        if kind == "trades":
            return self._decode_trades(data, frame)
        if kind == "ticker":
            return self._decode_ticker(parse(_ticker.decode, data), frame)
        if not kind:
            raise RejectedFrame("wrong_type", "a notification without a channel")
        self.ignored[kind[:40]] += 1
        return DecodedFrame(())

    def _decode_incremental(
        self, update: payloads.IncrementalBook, channel: str, frame: Frame
    ) -> DecodedFrame:
        symbol, book = self._symbol(update.instrument_name), self._books[update.instrument_name]
        broken, was_valid, last_id = book.breaks_chain(update), book.valid, book.last_id
        broken_at = book.broken_at
        changes = book.apply(update)
        requests: tuple[Request, ...] = ()
        messages = []
        if broken and (was_valid or last_id is None):
            book.invalidate(frame.received_time)
            detail = f"change {update.prev_change_id} where {last_id} was due"
            entry = LedgerEntry("gap", "broken_chain", detail=detail)
            messages.append(self._message(symbol, "ledger", frame, entry, seq=update.change_id))
            requests = session.resubscribe(channel)
        elif broken_at is not None and book.valid:
            entry = LedgerEntry("recovered", SNAPSHOT)
            messages.append(self._message(symbol, "ledger", frame, entry, seq=update.change_id))
        messages.append(
            self._message(
                symbol,
                "book",
                frame,
                *changes,
                seq=update.change_id,
                ts=update.timestamp,
                top=book.top(),
            )
        )
        is_late = broken_at is not None and frame.received_time - broken_at > SNAPSHOT_US
        resync = is_late and not book.valid and not book.is_unstorable
        return DecodedFrame(tuple(messages), requests=requests, resync=resync)

    def _decode_grouped(self, picture: payloads.GroupedBook, frame: Frame) -> DecodedFrame:
        symbol = self._symbol(picture.instrument_name)
        require_levels(picture)
        number, made_us = picture.change_id, to_micros(picture.timestamp)
        entries, is_news = self._pictures.take(symbol, number, made_us)
        ledger = [self._message(symbol, "ledger", frame, entry, seq=number) for entry in entries]
        if not is_news:
            self.ignored["repeated"] += 1
            return DecodedFrame(tuple(ledger))
        message = self._message(
            symbol,
            "book",
            frame,
            *self._books[picture.instrument_name].replace(picture),
            seq=number,
            ts=picture.timestamp,
            top=payloads.top_of(picture),
        )
        return DecodedFrame((*ledger, message))

    def _decode_trades(self, array: bytes, frame: Frame) -> DecodedFrame:
        """Make a message of each run of consecutive trades; between two runs is a hole."""
        runs: list[list[payloads.DeribitTrade]] = []
        messages: list[Message] = []
        trades = self._parts.read_each(
            parse(_trades.decode, array), lambda raw: self._read_trade(bytes(raw), frame)
        )
        for trade in trades:
            symbol = self._symbol(trade.instrument_name)
            entries = self._take(trade, symbol)
            if entries is None:
                self.ignored["repeated"] += 1
                continue
            messages += [
                self._message(symbol, "ledger", frame, entry, seq=trade.trade_seq)
                for entry in entries
            ]
            if runs and not entries and _follows(trade, runs[-1][-1]):
                runs[-1].append(trade)
            else:
                runs.append([trade])
        return DecodedFrame((*messages, *(self._message_of_run(run, frame) for run in runs)))

    def _read_trade(self, data: bytes, frame: Frame) -> payloads.DeribitTrade:
        """One trade of an array, whose numbers fit; its number is not taken yet."""
        trade = parse(_trade.decode, data)
        self._symbol(trade.instrument_name)
        event = payloads.trade_of(trade)
        self._parts.require_time(event.traded_at, frame)
        return trade

    def _take(self, trade: payloads.DeribitTrade, symbol: str) -> Entries | None:
        sequence, cause = self._sequences[symbol], "rejected" if self._parts.rejected else "missing"
        return sequence.take(trade.trade_seq, to_micros(trade.timestamp), cause=cause)

    def _message_of_run(self, trades: list[payloads.DeribitTrade], frame: Frame) -> Message:
        message = self._message(
            self._symbol(trades[0].instrument_name),
            "trade",
            frame,
            *map(payloads.trade_of, trades),
            ts=trades[-1].timestamp,
        )
        return msgspec.structs.replace(message, seq=(trades[0].trade_seq, trades[-1].trade_seq))

    def _decode_ticker(self, ticker: payloads.DeribitTicker, frame: Frame) -> DecodedFrame:
        symbol = self._symbol(ticker.instrument_name)
        event = payloads.ticker_of(ticker, self._parts)
        return DecodedFrame((self._message(symbol, "ticker", frame, event, ts=ticker.timestamp),))

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
        ts: int | None = None,
        top: Top | None = None,
    ) -> Message:
        return Message(
            venue=VENUE,
            symbol=symbol,
            kind=kind,
            conn=self.conn,
            seq=None if seq is None else (seq, seq),
            venue_time=None if ts is None else self._parts.time_or_null(to_micros(ts), frame),
            received_time=frame.received_time,
            events=events,
            top=top,
        )


def _follows(trade: payloads.DeribitTrade, before: payloads.DeribitTrade) -> bool:
    is_next = trade.trade_seq == before.trade_seq + 1
    return is_next and trade.instrument_name == before.instrument_name
