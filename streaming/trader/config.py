"""What one trader is set to do, taken from the settings once, and what is built from that."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from include.errors import SettingsError
from include.market.average import AVERAGE_PRICE, SUPPLIERS
from include.market.events import MAIN_ACCOUNT
from include.market.symbols import SymbolKind, kind_of
from include.market.time import HOUR_US, SECOND_US
from include.market.volatility import DayOfPrices
from include.serving.connection import Dsn
from include.settings import Settings
from include.settings.groups import DatabaseRole
from include.trading.account import Account
from include.trading.decision import RULES
from include.trading.inputs import Parameters
from include.trading.instrument import KNOWN_INSTRUMENTS, add_instrument
from include.trading.strategy import Strategy
from streaming.trader.followers import Follower, imbalances
from streaming.trader.followers.averages import AverageFollower, AverageSignals
from streaming.trader.followers.depth import Depth
from streaming.trader.followers.imbalances import ImbalanceFollower
from streaming.trader.followers.window_signals import WindowSignals
from streaming.trader.followers.windows import EndOffsets, WindowFollower
from streaming.trader.rule_files import find_rule

HALT_FILE = "trader.halt"


@dataclass(frozen=True)
class TraderConfig:
    """Account, venue, symbol, rule and limits of a trader, and where its journal and Kafka are.

    The stream closes a window of `window_us` once a book message is `closing_us` past its end.
    `max_skew_us` and `max_lag_us` of 0 are not checked; a recorded market has them off.
    """

    venue: str
    symbol: str
    rule: str
    broker: str
    parameters: Parameters
    start: Account
    sampling_us: int
    window_us: int
    closing_us: int
    max_skew_us: int
    max_lag_us: int
    bootstrap: str
    dsn: Dsn = field(repr=False)  # has the password
    halt_file: Path
    lake: str
    world: str
    account: str = MAIN_ACCOUNT
    is_recorded: bool = False

    @classmethod
    def from_settings(cls, settings: Settings) -> "TraderConfig":
        """The settings' trader.

        Raises:
            SettingsError: there is no such rule, its file cannot be used, or the symbol is a
                contract.
        """
        trader, is_live = settings.trader, not settings.simulator.tape
        if (kind := kind_of(trader.symbol)) is not SymbolKind.SPOT:
            raise SettingsError(
                f"TICKHOUSE_TRADER_SYMBOL={trader.symbol} is a {kind}, whose quantities are "
                "contracts, and the trader's account is of a pair's two currencies: choose a "
                "pair, such as BTC-USD"
            )
        return cls(
            venue=trader.venue,
            symbol=trader.symbol,
            rule=find_rule(trader.rule).name,
            broker=trader.broker,
            parameters=_parameters(settings),
            start=Account(quote=trader.start_quote),
            sampling_us=_micros(trader.sampling_s),
            window_us=_micros(settings.stream.window_s),
            closing_us=_micros(settings.stream.close_after_s),
            max_skew_us=_micros(trader.skew_s) if is_live else 0,
            max_lag_us=_micros(trader.lag_s) if is_live else 0,
            bootstrap=settings.bootstrap,
            dsn=settings.dsn(DatabaseRole.TRADER),
            halt_file=settings.home / HALT_FILE,
            lake=settings.lake,
            world=settings.world,
            account=trader.account,
            is_recorded=not is_live,
        )

    @property
    def signal_type(self) -> str:
        """The type of signal that the rule acts on."""
        return RULES[self.rule].signal_type

    @property
    def signal_venue(self) -> str:
        """The venue of those signals: the trader's, or that of all suppliers together."""
        return SUPPLIERS if self.signal_type == AVERAGE_PRICE else self.venue

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The Kafka keys of the messages that it follows."""
        return tuple(f"{venue}|{self.symbol}".encode() for venue in (self.venue, self.signal_venue))

    def strategy(self, recent_prices: DayOfPrices | None = None) -> Strategy:
        """A strategy with the rule, its parameters and a new account.

        `recent_prices` are those at which it decided before; null: it has made no decision.
        """
        return Strategy(
            self.parameters,
            self.start,
            rule=self.rule,
            account_name=self.account,
            recent_prices=recent_prices,
        )

    def follower(self, end_offsets: EndOffsets, *, last_window: int = -1) -> Follower:
        """What gathers the rule's signals and tops; `end_offsets`: how far market.book reaches."""
        if self.signal_type == imbalances.SIGNAL_TYPE:
            return ImbalanceFollower(
                venue=self.venue,
                symbol=self.symbol,
                sampling_us=self.sampling_us,
                last_window=last_window,
            )
        return self.window_follower(end_offsets, last_window=last_window)

    def window_follower(self, end_offsets: EndOffsets, *, last_window: int = -1) -> WindowFollower:
        """The follower of windows; with levels beyond the top where an order may go there."""
        slippage_bps = self.parameters.slippage_bps
        depth = Depth(slippage_bps=slippage_bps) if slippage_bps > 0 else None
        if self.signal_type == AVERAGE_PRICE:
            return AverageFollower(
                AverageSignals(
                    symbol=self.symbol, window_us=self.window_us, last_window=last_window
                ),
                venue=self.venue,
                symbol=self.symbol,
                end_offsets=end_offsets,
                depth=depth,
            )
        return WindowFollower(
            WindowSignals(
                venue=self.venue,
                symbol=self.symbol,
                window_us=self.window_us,
                delay_us=self.closing_us,
                last_window=last_window,
            ),
            key=f"{self.venue}|{self.symbol}".encode(),
            end_offsets=end_offsets,
            depth=depth,
        )


def configure_accounts(settings: Settings) -> list[tuple[Settings, TraderConfig]]:
    """Each account's settings with what follows from them, the first account's first.

    Raises:
        SettingsError: as `TraderConfig.from_settings`, or two files have a rule of the same name.
    """
    accounts = settings.trader_accounts().values()
    configs = [(account, TraderConfig.from_settings(account)) for account in accounts]
    reference_by_rule: dict[str, str] = {}
    for account, config in configs:
        reference = reference_by_rule.setdefault(config.rule, account.trader.rule)
        if reference != account.trader.rule:
            raise SettingsError(
                f"the rules {reference} and {account.trader.rule} of two accounts have the same "
                f"name, {config.rule}: give one of the classes another name"
            )
    return configs


def _parameters(settings: Settings) -> Parameters:
    """The numbers of the rule, with the venue's known steps and minimum order."""
    trader = settings.trader
    parameters = Parameters(
        ratio_low=trader.ratio_low,
        ratio_high=trader.ratio_high,
        balance_share=trader.balance_share,
        lookahead_minutes=trader.lookahead_minutes,
        fee_bps=trader.fee_bps,
        forecast_stale_us=int(Decimal(str(settings.forecast.stale_hours)) * HOUR_US),
        book_stale_us=_micros(trader.book_stale_s),
        largest_order=trader.largest_order,
        largest_position=trader.largest_position,
        slippage_bps=trader.slippage_bps,
        imbalance_threshold=trader.imbalance_threshold,
        half_spread_bps=trader.half_spread_bps,
        average_band_bps=trader.average_band_bps,
        daily_loss=trader.daily_loss,
        orders_per_minute=trader.orders_per_minute,
        hold_bps=settings.forecast.hold_bps,
        already_in_share=trader.already_in_share,
        edge_times=trader.edge_times,
        stop_loss_bps=trader.stop_loss_bps,
        max_drawdown=trader.max_drawdown,
    )
    return add_instrument(parameters, KNOWN_INSTRUMENTS.get((trader.venue, trader.symbol)))


def _micros(seconds: float) -> int:
    return int(Decimal(str(seconds)) * SECOND_US)
