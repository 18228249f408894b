"""Tables of what jobs have found, accepted or dropped: gates, evaluations, restarts, floors."""

from include.lake.columns import Column, Table, money, quantity, text

QUALITY_RESULTS = Table(
    "quality_results",
    "What every data-quality gate found",
    (
        text("run_id", "run of the gate", required=True),
        text("suite", "suite of expectations", required=True),
        text("expectation", "what was expected", required=True),
        Column("success", "boolean", "whether it held", required=True),
        Column("observed", "string", "what was seen"),
        Column("unexpected_rows", "string", "rows that broke it, the first of them"),
        Column("checked_at", "timestamp", "when", required=True),
    ),
    key=("run_id", "expectation"),
)

FORECAST_EVALUATIONS = Table(
    "forecast_evaluations",
    "Rolling-origin backtests of the forecast beside naive ones, a row a forecaster and horizon",
    (
        text("run_id", "run of the evaluation", required=True),
        text("symbol", "BASE-QUOTE", required=True),
        text("forecaster", "prophet, or which simple forecast", required=True),
        Column(
            "horizon_minutes",
            "bigint",
            "farthest minute ahead; the nearest follows on the horizon before",
            required=True,
        ),
        Column("origins", "bigint", "times that were forecast from", required=True),
        Column("points", "bigint", "minutes with a price that were compared", required=True),
        Column("mae", "double", "mean absolute error, in price", required=True),
        Column("rmse", "double", "root mean square error, in price", required=True),
        Column("mape", "double", "mean absolute error as a share of the price", required=True),
        Column("error_ratio", "double", "mae over that of the last price", required=True),
        Column("dm_t", "double", "Diebold-Mariano t, positive: worse than the last price"),
        Column("hit_rate", "double", "share of price changes whose direction was forecast"),
        Column("coverage", "double", "share of prices inside the 80 % interval"),
        Column("interval_score", "double", "mean interval score in bps, smaller is better"),
        Column("train_minutes", "bigint", "minutes it trained on; 0: all before it", required=True),
        Column("evaluated_until", "timestamp", "last minute that was compared", required=True),
        Column("evaluated_at", "timestamp", "when", required=True),
    ),
    key=("run_id", "forecaster", "horizon_minutes"),
)

TOPIC_RESTARTS = Table(
    "topic_restarts",
    "Where a topic's offsets begin again, or go on behind some that Kafka removed",
    (
        text("topic", "Kafka topic", required=True),
        Column("partition", "int", "Kafka partition", required=True),
        text("topic_id", "Kafka's id of the topic from here on", required=True),
        Column("offset", "bigint", "first offset from here on, in the lake", required=True),
        Column("kafka_offset", "bigint", "the same offset in Kafka", required=True),
        Column(
            "lost_from",
            "bigint",
            "first offset before `offset` that can no longer be read; equal to it: none",
            required=True,
        ),
        text("cause", "recreated, lost its end, or removed by retention", required=True),
        Column("accepted_at", "timestamp", "when it was accepted", required=True),
    ),
    key=("topic", "partition", "offset"),
)

RETENTION_FLOORS = Table(
    "retention_floors",
    "Below which offset retention has dropped the rows of a topic-partition",
    (
        text("topic", "Kafka topic", required=True),
        Column("partition", "int", "Kafka partition", required=True),
        Column("offset", "bigint", "first offset that is kept, in the lake", required=True),
        Column(
            "dropped_until",
            "timestamp",
            "latest time of a dropped row: traded_at of trades, else received_time or kafka_time",
            required=True,
        ),
        Column("dropped_offsets", "bigint", "offsets whose rows were dropped", required=True),
        Column("dropped_at", "timestamp", "when the floor was moved here", required=True),
    ),
    key=("topic", "partition"),
)

BOOK_CHECKPOINTS = Table(
    "book_checkpoints",
    "Whole order books every quarter of an hour, from which the book of any instant is rebuilt",
    (
        text("venue", "exchange", required=True),
        text("symbol", "BASE-QUOTE", required=True),
        text("conn", "connection that kept the book", required=True),
        Column("partition", "int", "partition of market.book", required=True),
        Column("offset", "bigint", "last record that the book has", required=True),
        Column("snapshot_time", "timestamp", "receipt of its last snapshot", required=True),
        Column("received_time", "timestamp", "receipt of its last record", required=True),
        text("bids", "JSON of [price, quantity in base units], best first", required=True),
        text("asks", "JSON of [price, quantity in base units], best first", required=True),
    ),
    key=("venue", "symbol", "conn", "offset"),
)

BOOK_SECONDS = Table(
    "book_seconds",
    "The order book at the end of each second; a second without a valid book has no row",
    (
        text("venue", "exchange", required=True),
        text("symbol", "BASE-QUOTE", required=True),
        Column("second", "timestamp", "start of the second (receipt)", required=True),
        money("bid", "best bid at its end", required=True),
        quantity("bid_quantity", "its quantity", required=True),
        money("ask", "best ask at its end", required=True),
        quantity("ask_quantity", "its quantity", required=True),
        money("spread", "best ask less best bid, in quote per base", required=True),
        quantity("bid_depth", "bids within 10 bps of the mid price, base units", required=True),
        quantity("ask_depth", "asks within 10 bps of the mid price, base units", required=True),
        Column("imbalance", "double", "of the best quantities: (bid - ask) / (bid + ask)"),
        Column(
            "microprice",
            "double",
            "mean of the best prices, each weighted by the other side's quantity",
            required=True,
        ),
        Column("changes", "bigint", "changes of levels received in the second", required=True),
    ),
    key=("venue", "symbol", "second"),
)
