-- Why does the trader act or hold? How often each reason stood in a decision, per rule and action.
-- A decision may have several reasons; `decisions` counts it under each.
WITH alike AS (
    SELECT
        rule,
        action,
        reasons,
        count(*) AS decisions,
        min(window_start) AS first_at,
        max(window_start) AS last_at
    FROM decisions
    WHERE event_index >= 0 AND window_start >= $first AND window_start < $until
    GROUP BY rule, action, reasons
)
SELECT
    rule,
    action,
    reason,
    sum(decisions)::BIGINT AS decisions,
    min(first_at) AS first_at,
    max(last_at) AS last_at
FROM (SELECT *, trim(unnest(string_split(reasons, ','))) AS reason FROM alike)
GROUP BY rule, action, reason
ORDER BY rule, action, decisions DESC, reason
