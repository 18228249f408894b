"""The view of Postgres that puts the published forecasts at the present."""

_BOUND = "level * exp(least(greatest(ln(greatest(anchored.{share}, 1e-40)) * wider, -100), 100))"
# `reanchor` of `include/market/anchoring.py`, for the points after their forecast's anchor; all
# others are as published, and their `anchor_minute` is null.
ANCHORED_POINTS = f"""
CREATE OR REPLACE VIEW anchored_points AS
SELECT point.symbol, point.model, point.ds, point.made_at, anchored.minute AS anchor_minute,
    coalesce(anchored.level, point.yhat) AS yhat,
    CASE WHEN anchored.minute IS NULL THEN point.yhat_lower
         ELSE {_BOUND.format(share="lower_share")} END AS yhat_lower,
    CASE WHEN anchored.minute IS NULL THEN point.yhat_upper
         ELSE {_BOUND.format(share="upper_share")} END AS yhat_upper
FROM forecast_points AS point LEFT JOIN LATERAL (
    SELECT anchor.minute, anchor.price::double precision * point.yhat / anchor.level AS level,
        as_far.yhat_lower / as_far.yhat AS lower_share,
        as_far.yhat_upper / as_far.yhat AS upper_share,
        CASE WHEN anchor.published_volatility > 0
             THEN anchor.volatility / anchor.published_volatility ELSE 1 END AS wider
    FROM forecast_anchors AS anchor JOIN forecast_points AS as_far USING (symbol, model)
    WHERE anchor.symbol = point.symbol AND anchor.model = point.model AND point.ds > anchor.minute
        AND as_far.ds = anchor.trained_until + (point.ds - anchor.minute)
        AND as_far.yhat_lower IS NOT NULL AND as_far.yhat_upper IS NOT NULL
) AS anchored ON true"""
