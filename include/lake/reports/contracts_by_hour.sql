-- What did contracts cost to hold, hour by hour? Funding, premium and open interest of perpetuals.
-- `premium_bps` is how far the mark price was above the index on average, `funding_8h` the mean share
-- of eight hours in percent (positive: longs pay), `open_interest` the last of the hour. UTC.
SELECT
    date_trunc('hour', minute) AS hour,
    venue,
    symbol,
    arg_max(mark_price, minute) AS mark_price,
    arg_max(index_price, minute) AS index_price,
    round(avg((mark_price / index_price - 1)::DOUBLE) * 10000, 4) AS premium_bps,
    round(avg(funding_8h::DOUBLE) * 100, 6) AS funding_8h,
    arg_max(open_interest, minute) AS open_interest
FROM contract_minutes
WHERE minute >= $first AND minute < $until
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
