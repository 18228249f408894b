-- How often was the forecast's `side` right? Per published forecast, over the minutes since traded.
-- A `buy` is right if the minute's close is above that of the minute before, a `sell` if it is
-- below; minutes without a change, or without one before, don't count, and a `hold` is only counted
-- (`holds`). Closes are means over venues.
-- `always_buy` is the rate of someone who always predicts buy: a forecast has to beat it.
WITH closes AS (
    SELECT symbol, minute, avg(close)::DOUBLE AS price
    FROM trade_minutes
    WHERE minute >= $first AND minute < $until
    GROUP BY symbol, minute
),
moves AS (
    SELECT
        symbol,
        minute,
        CASE
            WHEN lag(minute) OVER before = minute - INTERVAL 1 MINUTE
            THEN price - lag(price) OVER before
        END AS change
    FROM closes
    WINDOW before AS (PARTITION BY symbol ORDER BY minute)
),
sided AS (
    SELECT
        forecast_id,
        symbol,
        trained_until,
        side <> 'hold' AS has_side,
        change > 0 AS is_up,
        (side = 'buy') = (change > 0) AS is_right
    FROM forecasts JOIN moves USING (symbol)
    WHERE forecasts.ds = moves.minute AND change <> 0 AND ds > trained_until
)
SELECT
    forecast_id,
    symbol,
    any_value(trained_until) AS trained_until,
    count(*) FILTER (has_side) AS minutes,
    count(*) FILTER (has_side AND is_right) AS hits,
    round(count(*) FILTER (has_side AND is_right) / count(*) FILTER (has_side), 4) AS hit_rate,
    round(count(*) FILTER (has_side AND is_up) / count(*) FILTER (has_side), 4) AS always_buy,
    count(*) FILTER (NOT has_side) AS holds
FROM sided
GROUP BY forecast_id, symbol
ORDER BY trained_until, forecast_id
