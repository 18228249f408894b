"""What tickers have beyond prices and volumes: the day's changes, contracts' values, options'.

Sources: Binance's 24-hour ticker; Deribit's `ticker` channel, whose volatilities and sensitivities
options alone have.
"""

from include.lake.columns import Column, money, quantity, ratio, text

TICKER_DETAILS = (
    money("change", "last price less that of 24 hours before, in quote"),
    ratio("change_percent", "the same in percent of the price of 24 hours before"),
    money("average", "price of 24 hours, weighted by quantity"),
    money("previous_close", "price of the last trade before the 24 hours"),
    quantity("last_quantity", "base units of the last trade"),
    Column("first_trade_id", "bigint", "first trade of the 24 hours"),
    Column("last_trade_id", "bigint", "last trade of the 24 hours"),
    Column("window_start", "timestamp", "start of the 24 hours"),
    Column("window_end", "timestamp", "end of the 24 hours"),
    money("mark_price", "price by which the venue values positions, quote per base"),
    money("index_price", "the venue's index of spot prices, quote per base"),
    money("settlement_price", "price of the last settlement, quote per base"),
    money("delivery_price", "estimated price of delivery, quote per base"),
    quantity("open_interest", "open contracts in base units: quote units at the mark price"),
    quantity("open_interest_amount", "the venue's own, where it counts quote units"),
    ratio("funding_rate", "funding now, as a share of the position: longs pay if above 0"),
    ratio("funding_8h", "funding of the last 8 hours, as a share of the position"),
    text("underlying", "instrument or index that the option is priced by"),
    money("underlying_price", "its price, quote per base"),
    ratio("interest_rate", "interest by which the option is priced, a share per year"),
    ratio("mark_volatility", "implied volatility of the mark price, percent per year"),
    ratio("bid_volatility", "implied volatility of the best bid, percent per year"),
    ratio("ask_volatility", "implied volatility of the best ask, percent per year"),
    ratio("delta", "change of the option's price in quote per quote unit of the underlying"),
    ratio("gamma", "change of delta per quote unit of the underlying"),
    ratio("theta", "change of the option's price in quote per day"),
    ratio("vega", "change of the option's price in quote per percent of volatility"),
    ratio("rho", "change of the option's price in quote per percent of interest"),
)
