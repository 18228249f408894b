-- What did each market do, day by day? Open, high, low, close, volume and vwap per venue and symbol.
-- Days are UTC. `minutes` counts the minutes that had a trade, `complete` those without a hole.
SELECT
    DATE '1970-01-01' + CAST(epoch_us(minute) // 86400000000 AS INTEGER) AS day,
    venue,
    symbol,
    arg_min(open, minute) AS open,
    max(high) AS high,
    min(low) AS low,
    arg_max(close, minute) AS close,
    sum(total_base_buy) + sum(total_base_sell) AS base_volume,
    round((sum(total_quote_buy) + sum(total_quote_sell))::DOUBLE
          / (sum(total_base_buy) + sum(total_base_sell))::DOUBLE, 8) AS vwap,
    sum(total_count_buy) + sum(total_count_sell) AS trades,
    count(*) AS minutes,
    count(*) FILTER (complete) AS complete
FROM trade_minutes
WHERE minute >= $first AND minute < $until
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
