-- What did the trader earn, day by day, beside having bought once and held?
-- Profit is after fees; days are the market's (the sale's own time), UTC. The last two columns stand
-- at the day's last sale: a positive `ahead_of_holding` means that trading beat holding until then.
WITH sales AS (
    SELECT *, epoch_us(coalesce(venue_time, received_time)) AS at_us
    FROM scores
    WHERE event_index >= 0
        AND coalesce(venue_time, received_time) >= $first
        AND coalesce(venue_time, received_time) < $until
),
days AS (
    SELECT
        at_us // 86400000000 AS day,
        symbol,
        count(*) AS sales,
        count(*) FILTER (profit > 0) AS winning,
        sum(profit) AS profit,
        arg_max(ROW(cumulative_profit, hold_profit), at_us::HUGEINT * 1000000000000 + "offset")
            AS last
    FROM sales
    GROUP BY 1, 2
)
SELECT
    DATE '1970-01-01' + CAST(day AS INTEGER) AS day,
    symbol,
    sales,
    winning,
    profit,
    last[1] AS cumulative_profit,
    last[2] AS hold_profit,
    last[1] - last[2] AS ahead_of_holding
FROM days
ORDER BY 1, 2
