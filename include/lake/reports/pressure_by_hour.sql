-- Who pressed the market, hour by hour? Trades and base units of buyers and of sellers.
-- `buy_share` is the share of the base units whose aggressor bought: 0.5 is balance.
SELECT
    make_timestamptz(epoch_us(minute) // 3600000000 * 3600000000) AS hour,
    venue,
    symbol,
    sum(total_count_buy) AS buys,
    sum(total_count_sell) AS sells,
    sum(total_base_buy) AS base_bought,
    sum(total_base_sell) AS base_sold,
    round(sum(total_base_buy)::DOUBLE
          / nullif((sum(total_base_buy) + sum(total_base_sell))::DOUBLE, 0), 4) AS buy_share
FROM trade_minutes
WHERE minute >= $first AND minute < $until
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
