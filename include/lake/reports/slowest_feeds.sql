-- Which feeds are slow, and where? Milliseconds from the venue's time to our receipt, and from there
-- to Kafka; half of the messages were at most as slow as `p50`, one in a hundred slower than `p99`.
-- Delays are cut off to whole milliseconds and then counted: a figure is less than one from the
-- exact. Negative means that the two clocks differ. A tape's receipt times are its recording's.
WITH counted AS (
    SELECT
        venue,
        'trades' AS what,
        (epoch_us(received_time) - epoch_us(venue_time)) // 1000 AS venue_ms,
        (epoch_us(kafka_time) - epoch_us(received_time)) // 1000 AS kafka_ms,
        grouping(venue_ms) AS to_kafka,
        count(*) AS messages
    FROM trades
    WHERE event_index <= 0 AND received_time >= $first AND received_time < $until
    GROUP BY GROUPING SETS ((venue, venue_ms), (venue, kafka_ms))
    UNION ALL
    SELECT
        venue,
        'book' AS what,
        (epoch_us(received_time) - epoch_us(venue_time)) // 1000 AS venue_ms,
        (epoch_us(kafka_time) - epoch_us(received_time)) // 1000 AS kafka_ms,
        grouping(venue_ms) AS to_kafka,
        count(*) AS messages
    FROM book_changes
    WHERE event_index <= 0 AND received_time >= $first AND received_time < $until
    GROUP BY GROUPING SETS ((venue, venue_ms), (venue, kafka_ms))
    UNION ALL
    SELECT
        venue,
        'tickers' AS what,
        (epoch_us(received_time) - epoch_us(venue_time)) // 1000 AS venue_ms,
        (epoch_us(kafka_time) - epoch_us(received_time)) // 1000 AS kafka_ms,
        grouping(venue_ms) AS to_kafka,
        count(*) AS messages
    FROM tickers
    WHERE event_index <= 0 AND received_time >= $first AND received_time < $until
    GROUP BY GROUPING SETS ((venue, venue_ms), (venue, kafka_ms))
    UNION ALL
    SELECT
        venue,
        'quotes' AS what,
        (epoch_us(received_time) - epoch_us(venue_time)) // 1000 AS venue_ms,
        (epoch_us(kafka_time) - epoch_us(received_time)) // 1000 AS kafka_ms,
        grouping(venue_ms) AS to_kafka,
        count(*) AS messages
    FROM quotes
    WHERE event_index <= 0 AND received_time >= $first AND received_time < $until
    GROUP BY GROUPING SETS ((venue, venue_ms), (venue, kafka_ms))
),
ranked AS (
    SELECT
        venue,
        what,
        to_kafka,
        coalesce(venue_ms, kafka_ms) AS ms,
        messages,
        sum(messages) OVER so_far AS faster,
        sum(messages) OVER every AS known
    FROM counted
    WHERE venue_ms IS NOT NULL OR kafka_ms IS NOT NULL
    WINDOW every AS (PARTITION BY venue, what, to_kafka), so_far AS (every ORDER BY ms)
)
SELECT
    venue,
    what,
    sum(messages) FILTER (to_kafka = 1)::BIGINT AS messages,
    min(ms) FILTER (to_kafka = 0 AND faster >= 0.5 * known) AS venue_p50_ms,
    min(ms) FILTER (to_kafka = 0 AND faster >= 0.99 * known) AS venue_p99_ms,
    min(ms) FILTER (to_kafka = 1 AND faster >= 0.5 * known) AS kafka_p50_ms,
    min(ms) FILTER (to_kafka = 1 AND faster >= 0.99 * known) AS kafka_p99_ms
FROM ranked
GROUP BY venue, what
ORDER BY venue_p99_ms DESC NULLS LAST, venue, what
