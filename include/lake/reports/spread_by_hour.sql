-- What did trading cost, and what was the imbalance of the book, hour by hour?
-- Per book message with a valid best bid and ask: the spread in basis points of the mid price, and
-- the imbalance (Vb - Va) / (Vb + Va) of the best quantities. Means are over messages, not over time.
WITH tops AS (
    SELECT
        epoch_us(received_time) // 3600000000 AS hour,
        venue,
        symbol,
        top_bid::DOUBLE AS bid,
        top_ask::DOUBLE AS ask,
        top_bid_quantity::DOUBLE AS bid_quantity,
        top_ask_quantity::DOUBLE AS ask_quantity
    FROM book_changes
    WHERE event_index <= 0 AND top_bid < top_ask
        AND received_time >= $first AND received_time < $until
)
SELECT
    make_timestamptz(hour * 3600000000) AS hour,
    venue,
    symbol,
    count(*) AS messages,
    round(avg((ask - bid) / (ask + bid)) * 20000, 4) AS mean_spread_bps,
    round(max((ask - bid) / (ask + bid)) * 20000, 4) AS widest_spread_bps,
    round(avg((bid_quantity - ask_quantity) / nullif(bid_quantity + ask_quantity, 0)), 4)
        AS mean_imbalance
FROM tops
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
