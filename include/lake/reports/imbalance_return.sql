-- Does a leaning book foretell the price? Per venue and symbol: the correlation of the last imbalance
-- of a minute with the change of the mid price over the next minute (1: always together, 0: nothing
-- to see), and how often both had the same sign, of the minutes where neither was zero.
WITH measured AS (
    SELECT
        venue,
        symbol,
        epoch_us(received_time) // 60000000 AS minute,
        arg_max((top_bid_quantity - top_ask_quantity)::DOUBLE
                / (top_bid_quantity + top_ask_quantity)::DOUBLE, "offset") AS imbalance,
        arg_max((top_bid + top_ask)::DOUBLE / 2, "offset") AS mid
    FROM book_changes
    WHERE event_index <= 0 AND top_bid < top_ask AND top_bid_quantity + top_ask_quantity > 0
        AND received_time >= $first AND received_time < $until
    GROUP BY 1, 2, 3
),
paired AS (
    SELECT
        venue,
        symbol,
        imbalance,
        CASE WHEN lead(minute) OVER next = minute + 1 THEN lead(mid) OVER next / mid - 1 END
            AS return_next
    FROM measured
    WINDOW next AS (PARTITION BY venue, symbol ORDER BY minute)
)
SELECT
    venue,
    symbol,
    count(*) AS minutes,
    round(nullif(corr(imbalance, return_next), 'nan'::DOUBLE), 4) AS correlation,
    round(count(*) FILTER (imbalance * return_next > 0)
          / nullif(count(*) FILTER (imbalance <> 0 AND return_next <> 0), 0), 4) AS same_sign
FROM paired
WHERE return_next IS NOT NULL
GROUP BY venue, symbol
ORDER BY venue, symbol
