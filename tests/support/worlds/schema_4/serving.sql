--
-- PostgreSQL database dump
--

\restrict J5hzyDKzV9VXm3DHTLI0dQNWSgpqUVLZ0yuwkkzlbCesJMkqBEaKhCxixv1qLC4

-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: partitions; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA partitions;


--
-- Name: add_days_of_trade_minutes(date[]); Type: FUNCTION; Schema: partitions; Owner: -
--

CREATE FUNCTION partitions.add_days_of_trade_minutes(days date[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    day date;
    partition_name text;
BEGIN
    FOREACH day IN ARRAY days LOOP
        partition_name := 'trade_minutes_' || to_char(day, 'YYYY-MM-DD');
        CONTINUE WHEN to_regclass(format('%I.%I', 'partitions', partition_name)) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I.%I (LIKE public.%I INCLUDING ALL)',
            'partitions', partition_name, 'trade_minutes');
        EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
            'trade_minutes', 'partitions', partition_name,
            day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    END LOOP;
END $$;


--
-- Name: drop_day_of_trade_minutes(interval); Type: FUNCTION; Schema: partitions; Owner: -
--

CREATE FUNCTION partitions.drop_day_of_trade_minutes(kept interval) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '10s'
    AS $$
DECLARE
    kept_from timestamptz;
    dropped bigint;
    partition_name text;
BEGIN
    kept_from := coalesce((SELECT max("minute") FROM public."trade_minutes" WHERE "minute" <= now() + INTERVAL '60' SECOND), (SELECT max("minute") FROM public."trade_minutes")) - kept;
    SELECT relname INTO partition_name
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'public."trade_minutes"'::regclass
        AND (substr(relname, length('trade_minutes_') + 1)::date + 1)::timestamp AT TIME ZONE 'UTC'
            <= kept_from
    LIMIT 1;
    IF FOUND THEN
        EXECUTE format('SELECT count(*) FROM %I.%I', 'partitions', partition_name) INTO dropped;
        EXECUTE format('DROP TABLE %I.%I', 'partitions', partition_name);
    END IF;
    RETURN dropped;
END $$;


SET default_tablespace = '';

--
-- Name: trade_minutes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.trade_minutes (
    venue text NOT NULL,
    symbol text NOT NULL,
    minute timestamp with time zone NOT NULL,
    total_count_buy bigint NOT NULL,
    total_count_sell bigint NOT NULL,
    total_base_buy numeric NOT NULL,
    total_base_sell numeric NOT NULL,
    total_quote_buy numeric NOT NULL,
    total_quote_sell numeric NOT NULL,
    open numeric NOT NULL,
    high numeric NOT NULL,
    low numeric NOT NULL,
    close numeric NOT NULL,
    vwap double precision NOT NULL,
    complete boolean,
    liquidation_count bigint,
    liquidated_base_buy numeric,
    liquidated_base_sell numeric
)
PARTITION BY RANGE (minute);


--
-- Name: TABLE trade_minutes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.trade_minutes IS 'Trades per venue, symbol and minute, each trade once, recomputed when late ones land';


--
-- Name: COLUMN trade_minutes.venue; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.venue IS 'exchange';


--
-- Name: COLUMN trade_minutes.symbol; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.symbol IS 'BASE-QUOTE';


--
-- Name: COLUMN trade_minutes.minute; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.minute IS 'start of the minute';


--
-- Name: COLUMN trade_minutes.total_count_buy; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.total_count_buy IS 'trades whose aggressor bought';


--
-- Name: COLUMN trade_minutes.total_count_sell; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.total_count_sell IS 'trades whose aggressor sold';


--
-- Name: COLUMN trade_minutes.total_base_buy; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.total_base_buy IS 'base units bought';


--
-- Name: COLUMN trade_minutes.total_base_sell; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.total_base_sell IS 'base units sold';


--
-- Name: COLUMN trade_minutes.total_quote_buy; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.total_quote_buy IS 'quote paid by buyers';


--
-- Name: COLUMN trade_minutes.total_quote_sell; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.total_quote_sell IS 'quote got by sellers';


--
-- Name: COLUMN trade_minutes.open; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.open IS 'first price';


--
-- Name: COLUMN trade_minutes.high; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.high IS 'highest price';


--
-- Name: COLUMN trade_minutes.low; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.low IS 'lowest price';


--
-- Name: COLUMN trade_minutes.close; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.close IS 'last price';


--
-- Name: COLUMN trade_minutes.vwap; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.vwap IS 'price weighted by quantity';


--
-- Name: COLUMN trade_minutes.complete; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.complete IS 'no hole of the feed reaches into it; null: not known';


--
-- Name: COLUMN trade_minutes.liquidation_count; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.liquidation_count IS 'trades of which an order was a liquidation';


--
-- Name: COLUMN trade_minutes.liquidated_base_buy; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.liquidated_base_buy IS 'base units that liquidations bought';


--
-- Name: COLUMN trade_minutes.liquidated_base_sell; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trade_minutes.liquidated_base_sell IS 'base units that liquidations sold';


SET default_table_access_method = heap;

--
-- Name: trade_minutes_2026-11-28; Type: TABLE; Schema: partitions; Owner: -
--

CREATE TABLE partitions."trade_minutes_2026-11-28" (
    venue text CONSTRAINT trade_minutes_venue_not_null NOT NULL,
    symbol text CONSTRAINT trade_minutes_symbol_not_null NOT NULL,
    minute timestamp with time zone CONSTRAINT trade_minutes_minute_not_null NOT NULL,
    total_count_buy bigint CONSTRAINT trade_minutes_total_count_buy_not_null NOT NULL,
    total_count_sell bigint CONSTRAINT trade_minutes_total_count_sell_not_null NOT NULL,
    total_base_buy numeric CONSTRAINT trade_minutes_total_base_buy_not_null NOT NULL,
    total_base_sell numeric CONSTRAINT trade_minutes_total_base_sell_not_null NOT NULL,
    total_quote_buy numeric CONSTRAINT trade_minutes_total_quote_buy_not_null NOT NULL,
    total_quote_sell numeric CONSTRAINT trade_minutes_total_quote_sell_not_null NOT NULL,
    open numeric CONSTRAINT trade_minutes_open_not_null NOT NULL,
    high numeric CONSTRAINT trade_minutes_high_not_null NOT NULL,
    low numeric CONSTRAINT trade_minutes_low_not_null NOT NULL,
    close numeric CONSTRAINT trade_minutes_close_not_null NOT NULL,
    vwap double precision CONSTRAINT trade_minutes_vwap_not_null NOT NULL,
    complete boolean,
    liquidation_count bigint,
    liquidated_base_buy numeric,
    liquidated_base_sell numeric
);


--
-- Name: COLUMN "trade_minutes_2026-11-28".venue; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".venue IS 'exchange';


--
-- Name: COLUMN "trade_minutes_2026-11-28".symbol; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".symbol IS 'BASE-QUOTE';


--
-- Name: COLUMN "trade_minutes_2026-11-28".minute; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".minute IS 'start of the minute';


--
-- Name: COLUMN "trade_minutes_2026-11-28".total_count_buy; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".total_count_buy IS 'trades whose aggressor bought';


--
-- Name: COLUMN "trade_minutes_2026-11-28".total_count_sell; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".total_count_sell IS 'trades whose aggressor sold';


--
-- Name: COLUMN "trade_minutes_2026-11-28".total_base_buy; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".total_base_buy IS 'base units bought';


--
-- Name: COLUMN "trade_minutes_2026-11-28".total_base_sell; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".total_base_sell IS 'base units sold';


--
-- Name: COLUMN "trade_minutes_2026-11-28".total_quote_buy; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".total_quote_buy IS 'quote paid by buyers';


--
-- Name: COLUMN "trade_minutes_2026-11-28".total_quote_sell; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".total_quote_sell IS 'quote got by sellers';


--
-- Name: COLUMN "trade_minutes_2026-11-28".open; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".open IS 'first price';


--
-- Name: COLUMN "trade_minutes_2026-11-28".high; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".high IS 'highest price';


--
-- Name: COLUMN "trade_minutes_2026-11-28".low; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".low IS 'lowest price';


--
-- Name: COLUMN "trade_minutes_2026-11-28".close; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".close IS 'last price';


--
-- Name: COLUMN "trade_minutes_2026-11-28".vwap; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".vwap IS 'price weighted by quantity';


--
-- Name: COLUMN "trade_minutes_2026-11-28".complete; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".complete IS 'no hole of the feed reaches into it; null: not known';


--
-- Name: COLUMN "trade_minutes_2026-11-28".liquidation_count; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".liquidation_count IS 'trades of which an order was a liquidation';


--
-- Name: COLUMN "trade_minutes_2026-11-28".liquidated_base_buy; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".liquidated_base_buy IS 'base units that liquidations bought';


--
-- Name: COLUMN "trade_minutes_2026-11-28".liquidated_base_sell; Type: COMMENT; Schema: partitions; Owner: -
--

COMMENT ON COLUMN partitions."trade_minutes_2026-11-28".liquidated_base_sell IS 'base units that liquidations sold';


--
-- Name: forecast_anchors; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.forecast_anchors (
    symbol text NOT NULL,
    forecast_id text NOT NULL,
    model text NOT NULL,
    trained_until timestamp with time zone NOT NULL,
    venue text NOT NULL,
    minute timestamp with time zone NOT NULL,
    price numeric NOT NULL,
    level double precision NOT NULL,
    volatility double precision NOT NULL,
    published_volatility double precision NOT NULL
);


--
-- Name: TABLE forecast_anchors; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.forecast_anchors IS 'Where each symbol''s published forecast is put now: the last closed minute with a trade';


--
-- Name: COLUMN forecast_anchors.symbol; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_anchors.symbol IS 'BASE-QUOTE';


--
-- Name: COLUMN forecast_anchors.forecast_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_anchors.forecast_id IS 'published forecast';


--
-- Name: COLUMN forecast_anchors.model; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_anchors.model IS 'its model, as in `forecast_points`';


--
-- Name: COLUMN forecast_anchors.trained_until; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_anchors.trained_until IS 'last minute the model saw';


--
-- Name: COLUMN forecast_anchors.venue; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_anchors.venue IS 'exchange whose trades count';


--
-- Name: COLUMN forecast_anchors.minute; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_anchors.minute IS 'the last closed minute';


--
-- Name: COLUMN forecast_anchors.price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_anchors.price IS 'its last price';


--
-- Name: COLUMN forecast_anchors.level; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_anchors.level IS 'published level at that minute';


--
-- Name: COLUMN forecast_anchors.volatility; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_anchors.volatility IS 'log change per five minutes, last 24 hours';


--
-- Name: COLUMN forecast_anchors.published_volatility; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_anchors.published_volatility IS 'that of the published band';


--
-- Name: forecast_points; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.forecast_points (
    symbol text NOT NULL,
    ds timestamp with time zone NOT NULL,
    yhat double precision NOT NULL,
    yhat_lower double precision,
    yhat_upper double precision,
    made_at timestamp with time zone NOT NULL,
    model text NOT NULL
);


--
-- Name: TABLE forecast_points; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.forecast_points IS 'Forecast minutes of the published and of the short-term models';


--
-- Name: COLUMN forecast_points.symbol; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_points.symbol IS 'BASE-QUOTE';


--
-- Name: COLUMN forecast_points.ds; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_points.ds IS 'minute that is forecast';


--
-- Name: COLUMN forecast_points.yhat; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_points.yhat IS 'predicted price';


--
-- Name: COLUMN forecast_points.yhat_lower; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_points.yhat_lower IS 'lower bound (80 %)';


--
-- Name: COLUMN forecast_points.yhat_upper; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_points.yhat_upper IS 'upper bound (80 %)';


--
-- Name: COLUMN forecast_points.made_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_points.made_at IS 'when the forecast was made';


--
-- Name: COLUMN forecast_points.model; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.forecast_points.model IS 'forecast file or `short-term`';


--
-- Name: anchored_points; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.anchored_points AS
 SELECT point.symbol,
    point.model,
    point.ds,
    point.made_at,
    anchored.minute AS anchor_minute,
    COALESCE(anchored.level, point.yhat) AS yhat,
        CASE
            WHEN (anchored.minute IS NULL) THEN point.yhat_lower
            ELSE (anchored.level * exp(LEAST(GREATEST((ln(GREATEST(anchored.lower_share, (0.0000000000000000000000000000000000000001)::double precision)) * anchored.wider), ('-100'::integer)::double precision), (100)::double precision)))
        END AS yhat_lower,
        CASE
            WHEN (anchored.minute IS NULL) THEN point.yhat_upper
            ELSE (anchored.level * exp(LEAST(GREATEST((ln(GREATEST(anchored.upper_share, (0.0000000000000000000000000000000000000001)::double precision)) * anchored.wider), ('-100'::integer)::double precision), (100)::double precision)))
        END AS yhat_upper
   FROM (public.forecast_points point
     LEFT JOIN LATERAL ( SELECT anchor.minute,
            (((anchor.price)::double precision * point.yhat) / anchor.level) AS level,
            (as_far.yhat_lower / as_far.yhat) AS lower_share,
            (as_far.yhat_upper / as_far.yhat) AS upper_share,
                CASE
                    WHEN (anchor.published_volatility > (0)::double precision) THEN (anchor.volatility / anchor.published_volatility)
                    ELSE (1)::double precision
                END AS wider
           FROM (public.forecast_anchors anchor
             JOIN public.forecast_points as_far USING (symbol, model))
          WHERE ((anchor.symbol = point.symbol) AND (anchor.model = point.model) AND (point.ds > anchor.minute) AND (as_far.ds = (anchor.trained_until + (point.ds - anchor.minute))) AND (as_far.yhat_lower IS NOT NULL) AND (as_far.yhat_upper IS NOT NULL))) anchored ON (true));


--
-- Name: annotations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.annotations (
    annotation_id text NOT NULL,
    symbol text NOT NULL,
    noted_at timestamp with time zone NOT NULL,
    note text NOT NULL,
    written_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE annotations; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.annotations IS 'What people wrote on the dashboard at a moment of a symbol';


--
-- Name: COLUMN annotations.annotation_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.annotations.annotation_id IS 'its id';


--
-- Name: COLUMN annotations.symbol; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.annotations.symbol IS 'BASE-QUOTE';


--
-- Name: COLUMN annotations.noted_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.annotations.noted_at IS 'the moment that it is about (market time)';


--
-- Name: COLUMN annotations.note; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.annotations.note IS 'the text, 280 characters at most';


--
-- Name: COLUMN annotations.written_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.annotations.written_at IS 'when it was written';


--
-- Name: auctions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.auctions (
    venue text NOT NULL,
    symbol text NOT NULL,
    phase text NOT NULL,
    published_at timestamp with time zone NOT NULL,
    venue_event_id bigint,
    result text,
    price numeric,
    quantity numeric,
    highest_bid numeric,
    lowest_ask numeric,
    collar_price numeric,
    auction_at timestamp with time zone,
    first_indicative_at timestamp with time zone,
    last_cancel_at timestamp with time zone
);


--
-- Name: TABLE auctions; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.auctions IS 'Call auctions: announced, indicative prices, results';


--
-- Name: COLUMN auctions.venue; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.venue IS 'exchange';


--
-- Name: COLUMN auctions.symbol; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.symbol IS 'BASE-QUOTE, or a contract''s name';


--
-- Name: COLUMN auctions.phase; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.phase IS 'open (announced), indicative (were it held then) or result';


--
-- Name: COLUMN auctions.published_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.published_at IS 'the venue''s time of it';


--
-- Name: COLUMN auctions.venue_event_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.venue_event_id IS 'the venue''s id of it';


--
-- Name: COLUMN auctions.result; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.result IS 'success, or failure: nothing trades; null of an announcement';


--
-- Name: COLUMN auctions.price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.price IS 'the one price of all its trades, quote per base; null: there is none';


--
-- Name: COLUMN auctions.quantity; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.quantity IS 'what trades at that price, in base units';


--
-- Name: COLUMN auctions.highest_bid; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.highest_bid IS 'best bid of the continuous book then';


--
-- Name: COLUMN auctions.lowest_ask; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.lowest_ask IS 'best ask of the continuous book then';


--
-- Name: COLUMN auctions.collar_price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.collar_price IS 'quote per base; a price too far from it is a failure';


--
-- Name: COLUMN auctions.auction_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.auction_at IS 'when it is held, of an announcement';


--
-- Name: COLUMN auctions.first_indicative_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.first_indicative_at IS 'when its first indicative price is due';


--
-- Name: COLUMN auctions.last_cancel_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.auctions.last_cancel_at IS 'until when its orders may be cancelled';


--
-- Name: balances; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.balances (
    currency text NOT NULL,
    amount numeric NOT NULL,
    order_id text,
    available numeric,
    account text DEFAULT 'main'::text NOT NULL
);


--
-- Name: TABLE balances; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.balances IS 'What the account holds after each order';


--
-- Name: COLUMN balances.currency; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.balances.currency IS 'currency';


--
-- Name: COLUMN balances.amount; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.balances.amount IS 'held';


--
-- Name: COLUMN balances.order_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.balances.order_id IS 'order that changed it';


--
-- Name: COLUMN balances.available; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.balances.available IS 'of it, what an order may take';


--
-- Name: COLUMN balances.account; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.balances.account IS 'which of the trader''s accounts';


--
-- Name: contract_minutes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.contract_minutes (
    venue text NOT NULL,
    symbol text NOT NULL,
    minute timestamp with time zone NOT NULL,
    mark_price numeric,
    index_price numeric,
    settlement_price numeric,
    open_interest numeric,
    funding_rate numeric,
    funding_8h numeric
);


--
-- Name: TABLE contract_minutes; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.contract_minutes IS 'What a venue publishes of a contract, the last values of each minute';


--
-- Name: COLUMN contract_minutes.venue; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.contract_minutes.venue IS 'exchange';


--
-- Name: COLUMN contract_minutes.symbol; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.contract_minutes.symbol IS 'BASE-QUOTE, or a contract''s name';


--
-- Name: COLUMN contract_minutes.minute; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.contract_minutes.minute IS 'start of the minute';


--
-- Name: COLUMN contract_minutes.mark_price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.contract_minutes.mark_price IS 'price by which the venue values positions, quote per base';


--
-- Name: COLUMN contract_minutes.index_price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.contract_minutes.index_price IS 'the venue''s index of spot prices, quote per base';


--
-- Name: COLUMN contract_minutes.settlement_price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.contract_minutes.settlement_price IS 'price of the last settlement, quote per base';


--
-- Name: COLUMN contract_minutes.open_interest; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.contract_minutes.open_interest IS 'open contracts in base units: quote units at the mark price';


--
-- Name: COLUMN contract_minutes.funding_rate; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.contract_minutes.funding_rate IS 'funding now, as a share of the position: longs pay if above 0';


--
-- Name: COLUMN contract_minutes.funding_8h; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.contract_minutes.funding_8h IS 'funding of the last 8 hours, as a share of the position';


--
-- Name: decisions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.decisions (
    decision_id text NOT NULL,
    rule text NOT NULL,
    action text NOT NULL,
    reasons text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    ratio numeric,
    side_next text,
    bid numeric,
    ask numeric,
    quantity numeric,
    price numeric,
    forecast_id text,
    inputs text NOT NULL,
    side_now text,
    base_total numeric,
    base_available numeric,
    quote_total numeric,
    quote_available numeric,
    account text DEFAULT 'main'::text NOT NULL
);


--
-- Name: TABLE decisions; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.decisions IS 'What the trader concluded from each signal';


--
-- Name: COLUMN decisions.decision_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.decision_id IS 'venue, symbol and window';


--
-- Name: COLUMN decisions.rule; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.rule IS 'rule that decided';


--
-- Name: COLUMN decisions.action; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.action IS 'buy, sell or hold';


--
-- Name: COLUMN decisions.reasons; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.reasons IS 'why, comma separated';


--
-- Name: COLUMN decisions.window_start; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.window_start IS 'start of the signal''s window';


--
-- Name: COLUMN decisions.ratio; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.ratio IS 'ask over bid liquidity';


--
-- Name: COLUMN decisions.side_next; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.side_next IS 'forecast''s side of the move that it acted on';


--
-- Name: COLUMN decisions.bid; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.bid IS 'best bid it saw';


--
-- Name: COLUMN decisions.ask; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.ask IS 'best ask it saw';


--
-- Name: COLUMN decisions.quantity; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.quantity IS 'base units to order';


--
-- Name: COLUMN decisions.price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.price IS 'limit of the order';


--
-- Name: COLUMN decisions.forecast_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.forecast_id IS 'forecast file it used';


--
-- Name: COLUMN decisions.inputs; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.inputs IS 'JSON of all the rule saw';


--
-- Name: COLUMN decisions.side_now; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.side_now IS 'forecast''s side of the move into the minute at the window''s end';


--
-- Name: COLUMN decisions.base_total; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.base_total IS 'base units held before it';


--
-- Name: COLUMN decisions.base_available; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.base_available IS 'of them, those that an order may sell';


--
-- Name: COLUMN decisions.quote_total; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.quote_total IS 'quote held before it';


--
-- Name: COLUMN decisions.quote_available; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.quote_available IS 'of it, what an order may pay with';


--
-- Name: COLUMN decisions.account; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.decisions.account IS 'which of the trader''s accounts';


--
-- Name: feed_health; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.feed_health (
    venue text NOT NULL,
    state text NOT NULL,
    since timestamp with time zone NOT NULL,
    cause text
);


--
-- Name: TABLE feed_health; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.feed_health IS 'State of each feed by the feed ledger: that of its worst symbol';


--
-- Name: COLUMN feed_health.venue; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.feed_health.venue IS 'exchange or price supplier';


--
-- Name: COLUMN feed_health.state; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.feed_health.state IS 'live, stale, gap or disconnected';


--
-- Name: COLUMN feed_health.since; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.feed_health.since IS 'since when it has been so';


--
-- Name: COLUMN feed_health.cause; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.feed_health.cause IS 'the symbol, and why';


--
-- Name: fills; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.fills (
    fill_id text NOT NULL,
    order_id text NOT NULL,
    side text NOT NULL,
    price numeric NOT NULL,
    quantity numeric NOT NULL,
    fee numeric NOT NULL,
    base_fee numeric,
    account text DEFAULT 'main'::text NOT NULL
);


--
-- Name: TABLE fills; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.fills IS 'Executions of orders';


--
-- Name: COLUMN fills.fill_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.fills.fill_id IS 'execution id';


--
-- Name: COLUMN fills.order_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.fills.order_id IS 'order';


--
-- Name: COLUMN fills.side; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.fills.side IS 'buy, sell';


--
-- Name: COLUMN fills.price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.fills.price IS 'price';


--
-- Name: COLUMN fills.quantity; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.fills.quantity IS 'base units';


--
-- Name: COLUMN fills.fee; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.fills.fee IS 'in quote';


--
-- Name: COLUMN fills.base_fee; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.fills.base_fee IS 'in base, where the venue took it there';


--
-- Name: COLUMN fills.account; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.fills.account IS 'which of the trader''s accounts';


--
-- Name: minute_totals; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.minute_totals AS
 SELECT minute AS "TIME",
    venue AS "VENUE",
    symbol AS "SYMBOL",
    total_count_buy AS "TOTAL_COUNT_BUY",
    total_count_sell AS "TOTAL_COUNT_SELL",
    total_base_buy AS "TOTAL_BTC_BUY",
    total_base_sell AS "TOTAL_BTC_SELL",
    total_quote_buy AS "TOTAL_USD_BUY",
    total_quote_sell AS "TOTAL_USD_SELL"
   FROM public.trade_minutes;


--
-- Name: orders; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.orders (
    order_id text NOT NULL,
    decision_id text NOT NULL,
    broker text NOT NULL,
    side text NOT NULL,
    price numeric NOT NULL,
    quantity numeric NOT NULL,
    executed numeric NOT NULL,
    status text NOT NULL,
    reason text,
    average_price numeric,
    remaining numeric,
    venue_order_id text,
    ordered_at timestamp with time zone,
    account text DEFAULT 'main'::text NOT NULL
);


--
-- Name: TABLE orders; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.orders IS 'Orders as the venue or the paper account left them';


--
-- Name: COLUMN orders.order_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.order_id IS 'client order id';


--
-- Name: COLUMN orders.decision_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.decision_id IS 'decision that made it';


--
-- Name: COLUMN orders.broker; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.broker IS 'paper or gemini';


--
-- Name: COLUMN orders.side; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.side IS 'buy, sell';


--
-- Name: COLUMN orders.price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.price IS 'limit';


--
-- Name: COLUMN orders.quantity; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.quantity IS 'ordered';


--
-- Name: COLUMN orders.executed; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.executed IS 'executed';


--
-- Name: COLUMN orders.status; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.status IS 'filled, partial, cancelled or refused';


--
-- Name: COLUMN orders.reason; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.reason IS 'why not filled';


--
-- Name: COLUMN orders.average_price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.average_price IS 'of its executions; null: none';


--
-- Name: COLUMN orders.remaining; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.remaining IS 'ordered and not executed';


--
-- Name: COLUMN orders.venue_order_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.venue_order_id IS 'the venue''s own id; null: paper, or never placed';


--
-- Name: COLUMN orders.ordered_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.ordered_at IS 'when the venue took it; null: paper, or never placed';


--
-- Name: COLUMN orders.account; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.orders.account IS 'which of the trader''s accounts';


--
-- Name: outbox; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox (
    id bigint NOT NULL,
    topic text NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    partition integer,
    "offset" bigint
);


--
-- Name: TABLE outbox; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.outbox IS 'Messages of the trader that the lake does not have yet';


--
-- Name: COLUMN outbox.id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outbox.id IS 'order of sending; `seq` of the message';


--
-- Name: COLUMN outbox.topic; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outbox.topic IS 'Kafka topic';


--
-- Name: COLUMN outbox.key; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outbox.key IS 'Kafka key';


--
-- Name: COLUMN outbox.value; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outbox.value IS 'Kafka value';


--
-- Name: COLUMN outbox.partition; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outbox.partition IS 'Kafka partition; null: not sent yet';


--
-- Name: COLUMN outbox."offset"; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.outbox."offset" IS 'Kafka offset; null: not sent yet';


--
-- Name: outbox_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: outbox_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.outbox_id_seq OWNED BY public.outbox.id;


--
-- Name: reader_offsets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reader_offsets (
    reader text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL
);


--
-- Name: TABLE reader_offsets; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.reader_offsets IS 'Kafka offsets that readers of market.trades have counted up to';


--
-- Name: COLUMN reader_offsets.reader; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.reader_offsets.reader IS 'who reads';


--
-- Name: COLUMN reader_offsets.partition; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.reader_offsets.partition IS 'Kafka partition';


--
-- Name: COLUMN reader_offsets.next_offset; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.reader_offsets.next_offset IS 'first offset that is not counted yet';


--
-- Name: schema_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_version (
    version integer NOT NULL
);


--
-- Name: scores; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.scores (
    order_id text NOT NULL,
    buy_order_id text NOT NULL,
    profit numeric NOT NULL,
    cumulative_profit numeric NOT NULL,
    buy_price numeric NOT NULL,
    sell_price numeric NOT NULL,
    quantity numeric NOT NULL,
    hold_profit numeric,
    account text DEFAULT 'main'::text NOT NULL
);


--
-- Name: TABLE scores; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.scores IS 'Each sale against the last buy';


--
-- Name: COLUMN scores.order_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.scores.order_id IS 'the sale';


--
-- Name: COLUMN scores.buy_order_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.scores.buy_order_id IS 'buy';


--
-- Name: COLUMN scores.profit; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.scores.profit IS 'in quote, after fees';


--
-- Name: COLUMN scores.cumulative_profit; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.scores.cumulative_profit IS 'of all sales';


--
-- Name: COLUMN scores.buy_price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.scores.buy_price IS 'average price bought';


--
-- Name: COLUMN scores.sell_price; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.scores.sell_price IS 'average price sold';


--
-- Name: COLUMN scores.quantity; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.scores.quantity IS 'base units';


--
-- Name: COLUMN scores.hold_profit; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.scores.hold_profit IS 'of having bought once and held, at the price sold';


--
-- Name: COLUMN scores.account; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.scores.account IS 'which of the trader''s accounts';


--
-- Name: signals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.signals (
    venue text NOT NULL,
    symbol text NOT NULL,
    type text NOT NULL,
    value numeric NOT NULL,
    window_start timestamp with time zone NOT NULL,
    "timestamp" timestamp with time zone NOT NULL
);


--
-- Name: TABLE signals; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.signals IS '60-second liquidity of the book per venue and symbol, average across suppliers, price jumps';


--
-- Name: COLUMN signals.venue; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.signals.venue IS 'exchange, or `suppliers` for all of them';


--
-- Name: COLUMN signals.symbol; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.signals.symbol IS 'BASE-QUOTE';


--
-- Name: COLUMN signals.type; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.signals.type IS 'bid, ask, price_volume (ask over bid), average_price, jump';


--
-- Name: COLUMN signals.value; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.signals.value IS 'sum of price x remaining, ratio, price, or log return over its volatility';


--
-- Name: COLUMN signals.window_start; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.signals.window_start IS 'start of the window';


--
-- Name: COLUMN signals."timestamp"; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.signals."timestamp" IS 'end of the window';


--
-- Name: stream_lag; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.stream_lag (
    query text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    behind bigint NOT NULL,
    waiting_s double precision,
    seen_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE stream_lag; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.stream_lag IS 'How far the stream''s queries are behind, as the watcher saw it last';


--
-- Name: COLUMN stream_lag.query; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.stream_lag.query IS 'query of the stream';


--
-- Name: COLUMN stream_lag.topic; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.stream_lag.topic IS 'Kafka topic';


--
-- Name: COLUMN stream_lag.partition; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.stream_lag.partition IS 'Kafka partition';


--
-- Name: COLUMN stream_lag.behind; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.stream_lag.behind IS 'offsets not read yet';


--
-- Name: COLUMN stream_lag.waiting_s; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.stream_lag.waiting_s IS 'seconds that the oldest of them has waited';


--
-- Name: COLUMN stream_lag.seen_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.stream_lag.seen_at IS 'when';


--
-- Name: trader_state; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.trader_state (
    name text NOT NULL,
    value text NOT NULL
);


--
-- Name: TABLE trader_state; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.trader_state IS 'The trader''s state by name, its halt switch and nonce among them';


--
-- Name: COLUMN trader_state.name; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trader_state.name IS 'name';


--
-- Name: COLUMN trader_state.value; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.trader_state.value IS 'text';


--
-- Name: trade_minutes_2026-11-28; Type: TABLE ATTACH; Schema: partitions; Owner: -
--

ALTER TABLE ONLY public.trade_minutes ATTACH PARTITION partitions."trade_minutes_2026-11-28" FOR VALUES FROM ('2026-11-28 00:00:00+00') TO ('2026-11-29 00:00:00+00');


--
-- Name: outbox id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);


--
-- Data for Name: trade_minutes_2026-11-28; Type: TABLE DATA; Schema: partitions; Owner: -
--

INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'BTC-USDT', '2026-11-28 03:26:00+00', 6, 4, 0.0841000000, 0.1814400000, 6842.369884500000000000, 14761.915279500000000000, 81360.01000000, 81362.66000000, 81355.23000000, 81355.23000000, 81359.8145816073, false, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'ETH-USDT', '2026-11-28 03:26:00+00', 4, 6, 0.1041300000, 0.1351000000, 211.766087700000000000, 274.752224500000000000, 2033.67000000, 2033.86000000, 2033.65000000, 2033.86000000, 2033.6843715253108, false, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:26:00+00', 3, 2, 0.0830868884, 0.1814164761, 6760.000000000000000000, 14760.000000000000000000, 81360.00000000, 81363.00000000, 81355.50000000, 81355.50000000, 81360.02369414642, false, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('gemini', 'BTC-USD', '2026-11-28 03:26:00+00', 2, 2, 0.0830404600, 0.1814036900, 6756.170512501700000000, 14758.961113252500000000, 81360.01000000, 81362.66000000, 81359.00000000, 81362.66000000, 81359.83203165657, false, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'ETH-USDT', '2026-11-28 03:31:00+00', 14, 21, 0.4086900000, 0.4701700000, 832.460463200000000000, 957.639454800000000000, 2036.86000000, 2037.00000000, 2036.69000000, 2036.80000000, 2036.8430899119319, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:31:00+00', 9, 9, 0.0895506775, 0.7765897324, 7290.000000000000000000, 63200.000000000000000000, 81366.00000000, 81418.00000000, 81359.50000000, 81407.50000000, 81384.03335011676, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('gemini', 'BTC-USD', '2026-11-28 03:31:00+00', 3, 6, 0.0887720900, 0.7762087300, 7226.599957821600000000, 63169.042127556400000000, 81366.12000000, 81416.22000000, 81362.19000000, 81407.46000000, 81384.04974734354, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'BTC-USDT', '2026-11-28 03:27:00+00', 64, 56, 1.2666500000, 1.2400600000, 103031.697674800000000000, 100876.542571300000000000, 81352.20000000, 81371.59000000, 81308.72000000, 81364.02000000, 81344.96620913461, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'ETH-USDT', '2026-11-28 03:27:00+00', 56, 64, 0.9937400000, 1.1021000000, 2022.144201200000000000, 2242.606641400000000000, 2034.02000000, 2035.30000000, 2033.94000000, 2035.11000000, 2034.8647046530264, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:27:00+00', 32, 28, 1.2539587289, 1.2279319579, 102000.000000000000000000, 99890.000000000000000000, 81352.00000000, 81371.50000000, 81309.00000000, 81364.00000000, 81345.24259359881, true, 1, 0.0973834350, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'BTC-USDT', '2026-11-28 03:30:00+00', 68, 52, 1.7491400000, 1.9238800000, 142363.859187100000000000, 156577.732944200000000000, 81387.05000000, 81410.62000000, 81353.99000000, 81372.03000000, 81388.50105126029, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'ETH-USDT', '2026-11-28 03:30:00+00', 60, 60, 1.1998000000, 1.1333100000, 2443.763906600000000000, 2308.231931800000000000, 2036.72000000, 2036.98000000, 2036.55000000, 2036.87000000, 2036.7645924967105, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:30:00+00', 34, 26, 1.7386364841, 1.9145712904, 141510.000000000000000000, 155820.000000000000000000, 81387.00000000, 81410.50000000, 81354.50000000, 81372.00000000, 81388.74610294917, true, 1, 0.0603412785, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'BTC-USDT', '2026-11-28 03:29:00+00', 62, 58, 1.1491000000, 1.4268400000, 93525.016004100000000000, 116131.625191100000000000, 81379.83000000, 81410.00000000, 81375.25000000, 81395.94000000, 81390.34340675632, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'ETH-USDT', '2026-11-28 03:29:00+00', 58, 62, 1.6478300000, 1.6719000000, 3356.109050200000000000, 3405.125730400000000000, 2036.25000000, 2037.06000000, 2036.22000000, 2036.56000000, 2036.6821339687276, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('gemini', 'BTC-USD', '2026-11-28 03:27:00+00', 18, 15, 1.2520269400, 1.2265002900, 101842.252264613400000000, 99773.559690792800000000, 81352.20000000, 81368.69000000, 81312.07000000, 81357.49000000, 81345.00582243201, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'BTC-USDT', '2026-11-28 03:28:00+00', 66, 54, 1.3685100000, 0.5689600000, 111350.912991900000000000, 46292.078473800000000000, 81363.95000000, 81386.42000000, 81337.64000000, 81374.80000000, 81365.38447857261, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'ETH-USDT', '2026-11-28 03:28:00+00', 58, 62, 0.9142200000, 1.2898800000, 1861.452805400000000000, 2626.233643400000000000, 2035.10000000, 2036.49000000, 2035.10000000, 2036.23000000, 2036.06299568985, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:28:00+00', 33, 27, 1.3597637825, 0.5587342530, 110640.000000000000000000, 45460.000000000000000000, 81364.50000000, 81387.00000000, 81337.50000000, 81375.00000000, 81365.73357914579, true, 2, 0.0825765982, 0.0001228939);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('gemini', 'BTC-USD', '2026-11-28 03:28:00+00', 24, 16, 1.3588538400, 0.5574082400, 110565.224115624000000000, 45352.131668930200000000, 81363.95000000, 81386.42000000, 81337.64000000, 81374.80000000, 81365.36093463491, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:29:00+00', 31, 29, 1.1388341441, 1.4192025675, 92690.000000000000000000, 115510.000000000000000000, 81380.50000000, 81410.00000000, 81375.50000000, 81396.00000000, 81390.54418618404, true, 1, 0.0000000000, 0.0805966115);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('gemini', 'BTC-USD', '2026-11-28 03:29:00+00', 20, 21, 1.1374874700, 1.4182509100, 92579.874049761200000000, 115432.542755163100000000, 81386.55000000, 81410.00000000, 81375.25000000, 81396.61000000, 81390.3404326245, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('gemini', 'BTC-USD', '2026-11-28 03:30:00+00', 23, 16, 1.7374552100, 1.9133909200, 141412.920633971600000000, 155724.009504468000000000, 81387.05000000, 81410.62000000, 81353.99000000, 81379.59000000, 81388.51092539458, true, 0, 0.0000000000, 0.0000000000);
INSERT INTO partitions."trade_minutes_2026-11-28" VALUES ('binance', 'BTC-USDT', '2026-11-28 03:31:00+00', 18, 17, 0.0949500000, 0.7220400000, 7729.441916100000000000, 58759.208609400000000000, 81366.12000000, 81417.52000000, 81359.61000000, 81407.46000000, 81382.45330481399, true, 0, 0.0000000000, 0.0000000000);


--
-- Data for Name: annotations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.annotations VALUES ('00000000000000000000000000000004', 'BTC-USD', '2026-11-28 03:36:22.596489+00', 'kept with schema 4', '2026-11-28 03:36:22.596489+00');


--
-- Data for Name: auctions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.auctions VALUES ('gemini', 'BTC-USD', 'indicative', '2026-11-28 03:27:00+00', 14366690541364, 'success', 81352.21000000, 36.6397000000, 81352.20000000, 81352.22000000, 81352.21000000, NULL, NULL, NULL);
INSERT INTO public.auctions VALUES ('gemini', 'BTC-USD', 'indicative', '2026-11-28 03:28:00+00', 14366690541998, 'success', 81363.94000000, 50.2169000000, 81363.93000000, 81363.95000000, 81363.94000000, NULL, NULL, NULL);
INSERT INTO public.auctions VALUES ('gemini', 'BTC-USD', 'indicative', '2026-11-28 03:29:00+00', 14366690542643, 'success', 81379.82000000, 56.3412000000, 81379.81000000, 81379.83000000, 81379.82000000, NULL, NULL, NULL);
INSERT INTO public.auctions VALUES ('gemini', 'BTC-USD', 'open', '2026-11-28 03:30:00+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-28 03:40:00+00', '2026-11-28 03:31:00+00', '2026-11-28 03:39:45+00');
INSERT INTO public.auctions VALUES ('gemini', 'BTC-USD', 'result', '2026-11-28 03:30:00+00', 14366690543295, 'success', 81387.06000000, 7.3476000000, 81387.05000000, 81387.07000000, 81387.06000000, NULL, NULL, NULL);
INSERT INTO public.auctions VALUES ('gemini', 'BTC-USD', 'indicative', '2026-11-28 03:31:00+00', 14366690543927, 'success', 81366.13000000, 29.8077000000, 81366.12000000, 81366.14000000, 81366.13000000, NULL, NULL, NULL);


--
-- Data for Name: balances; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.balances VALUES ('USD', 10000, NULL, 10000, 'main');
INSERT INTO public.balances VALUES ('BTC', 0, NULL, 0, 'main');


--
-- Data for Name: contract_minutes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.contract_minutes VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:26:00+00', 81355.22000000, 81355.22000000, 78637.36000000, 12291.7742709073, -0.000012500000, -0.000075517300);
INSERT INTO public.contract_minutes VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:27:00+00', 81364.03000000, 81364.03000000, 78637.36000000, 12290.4433322686, -0.000012500000, -0.000075517300);
INSERT INTO public.contract_minutes VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:28:00+00', 81374.81000000, 81374.81000000, 78637.36000000, 12288.8151751138, -0.000012500000, -0.000075517300);
INSERT INTO public.contract_minutes VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:29:00+00', 81395.95000000, 81395.95000000, 78637.36000000, 12285.6235476089, -0.000012500000, -0.000075517300);
INSERT INTO public.contract_minutes VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:30:00+00', 81372.04000000, 81372.04000000, 78637.36000000, 12289.2335008438, -0.000012500000, -0.000075517300);
INSERT INTO public.contract_minutes VALUES ('deribit', 'BTC-PERPETUAL', '2026-11-28 03:31:00+00', 81417.51000000, 81417.51000000, 78637.36000000, 12282.3702174139, -0.000012500000, -0.000075517300);


--
-- Data for Name: decisions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.decisions VALUES ('6fd7f666-47eb-5470-9713-a000ab2f2d3b', 'forecast_and_ratio', 'hold', 'forecast_missing', '2026-11-28 03:26:00+00', 0.62610115, NULL, 81355.21, 81355.23, NULL, NULL, NULL, '{"rule":"forecast_and_ratio","signal":{"venue":"gemini","symbol":"BTC-USD","type":"price_volume","value":"0.626101149191","timestamp":1795836420000000,"window_start":1795836360000000,"v":1},"forecast":{"forecast_id":null,"trained_until":null,"side":null,"fault":"forecast_missing","side_now":null,"rise_bps":null,"anchor":null,"level":null,"lower":null,"upper":null},"top":{"venue_time":1795836419936000,"best":{"bid":"81355.21","bid_quantity":"1.54641793","ask":"81355.23","ask_quantity":"0.44802992"},"record_id":{"topic":"market.book","partition":0,"offset":120},"bids":[],"asks":[],"unchanged_until":null},"account":{"quote":"10000","base":"0","last_buy":null,"profit":"0","day":20785,"day_profit":"0","ordered_at":[],"buy_and_hold":{"quote":"0.00045235","base":"0.12242801","start":"10000"},"day_peak":null,"stopped_on":null,"base_withheld":"0","quote_withheld":"0"},"parameters":{"ratio_low":"0.1","ratio_high":"2","balance_share":"0.9","lookahead_minutes":1,"fee_bps":"40","forecast_stale_us":172800000000,"book_stale_us":30000000,"minimum":"0.00001","step":"1E-8","price_step":"0.01","slippage_bps":"0","imbalance_threshold":"0.5","half_spread_bps":"5","average_band_bps":"10","largest_order":"100000","largest_position":"100000","daily_loss":"5000","orders_per_minute":10,"hold_bps":0.0,"already_in_share":"0.1","edge_times":"0","stop_loss_bps":"0","max_drawdown":"0"},"vetoes":[],"record_id":{"topic":"market.signals","partition":0,"offset":321},"rule_digest":null,"account_name":"main"}', NULL, 0, 0, 10000, 10000, 'main');
INSERT INTO public.decisions VALUES ('6ddf438b-6976-5251-a83f-253dfaae3ef7', 'forecast_and_ratio', 'hold', 'forecast_missing', '2026-11-28 03:27:00+00', 1.20137231, NULL, 81364.02, 81364.04, NULL, NULL, NULL, '{"rule":"forecast_and_ratio","signal":{"venue":"gemini","symbol":"BTC-USD","type":"price_volume","value":"1.201372311157","timestamp":1795836480000000,"window_start":1795836420000000,"v":1},"forecast":{"forecast_id":null,"trained_until":null,"side":null,"fault":"forecast_missing","side_now":null,"rise_bps":null,"anchor":null,"level":null,"lower":null,"upper":null},"top":{"venue_time":1795836479914000,"best":{"bid":"81364.02","bid_quantity":"0.83401606","ask":"81364.04","ask_quantity":"1.68992169"},"record_id":{"topic":"market.book","partition":0,"offset":1994},"bids":[],"asks":[],"unchanged_until":null},"account":{"quote":"10000","base":"0","last_buy":null,"profit":"0","day":20785,"day_profit":"0","ordered_at":[],"buy_and_hold":{"quote":"0.00045235","base":"0.12242801","start":"10000"},"day_peak":null,"stopped_on":null,"base_withheld":"0","quote_withheld":"0"},"parameters":{"ratio_low":"0.1","ratio_high":"2","balance_share":"0.9","lookahead_minutes":1,"fee_bps":"40","forecast_stale_us":172800000000,"book_stale_us":30000000,"minimum":"0.00001","step":"1E-8","price_step":"0.01","slippage_bps":"0","imbalance_threshold":"0.5","half_spread_bps":"5","average_band_bps":"10","largest_order":"100000","largest_position":"100000","daily_loss":"5000","orders_per_minute":10,"hold_bps":0.0,"already_in_share":"0.1","edge_times":"0","stop_loss_bps":"0","max_drawdown":"0"},"vetoes":[],"record_id":{"topic":"market.signals","partition":0,"offset":5144},"rule_digest":null,"account_name":"main"}', NULL, 0, 0, 10000, 10000, 'main');
INSERT INTO public.decisions VALUES ('ec5badea-938a-53c4-8c72-d80ddefb312d', 'forecast_and_ratio', 'hold', 'forecast_missing', '2026-11-28 03:28:00+00', 1.03622958, NULL, 81374.8, 81374.82, NULL, NULL, NULL, '{"rule":"forecast_and_ratio","signal":{"venue":"gemini","symbol":"BTC-USD","type":"price_volume","value":"1.036229577047","timestamp":1795836540000000,"window_start":1795836480000000,"v":1},"forecast":{"forecast_id":null,"trained_until":null,"side":null,"fault":"forecast_missing","side_now":null,"rise_bps":null,"anchor":null,"level":null,"lower":null,"upper":null},"top":{"venue_time":1795836539906000,"best":{"bid":"81374.8","bid_quantity":"0.28119601","ask":"81374.82","ask_quantity":"0.97323226"},"record_id":{"topic":"market.book","partition":0,"offset":2800},"bids":[],"asks":[],"unchanged_until":null},"account":{"quote":"10000","base":"0","last_buy":null,"profit":"0","day":20785,"day_profit":"0","ordered_at":[],"buy_and_hold":{"quote":"0.00045235","base":"0.12242801","start":"10000"},"day_peak":null,"stopped_on":null,"base_withheld":"0","quote_withheld":"0"},"parameters":{"ratio_low":"0.1","ratio_high":"2","balance_share":"0.9","lookahead_minutes":1,"fee_bps":"40","forecast_stale_us":172800000000,"book_stale_us":30000000,"minimum":"0.00001","step":"1E-8","price_step":"0.01","slippage_bps":"0","imbalance_threshold":"0.5","half_spread_bps":"5","average_band_bps":"10","largest_order":"100000","largest_position":"100000","daily_loss":"5000","orders_per_minute":10,"hold_bps":0.0,"already_in_share":"0.1","edge_times":"0","stop_loss_bps":"0","max_drawdown":"0"},"vetoes":[],"record_id":{"topic":"market.signals","partition":0,"offset":5737},"rule_digest":null,"account_name":"main"}', NULL, 0, 0, 10000, 10000, 'main');
INSERT INTO public.decisions VALUES ('1e703a2f-654b-54bf-8278-f97a189bef3e', 'forecast_and_ratio', 'hold', 'forecast_missing', '2026-11-28 03:29:00+00', 1.19568529, NULL, 81395.94, 81395.96, NULL, NULL, NULL, '{"rule":"forecast_and_ratio","signal":{"venue":"gemini","symbol":"BTC-USD","type":"price_volume","value":"1.195685285599","timestamp":1795836600000000,"window_start":1795836540000000,"v":1},"forecast":{"forecast_id":null,"trained_until":null,"side":null,"fault":"forecast_missing","side_now":null,"rise_bps":null,"anchor":null,"level":null,"lower":null,"upper":null},"top":{"venue_time":1795836599818000,"best":{"bid":"81395.94","bid_quantity":"1.16819222","ask":"81395.96","ask_quantity":"0.71795099"},"record_id":{"topic":"market.book","partition":0,"offset":4141},"bids":[],"asks":[],"unchanged_until":null},"account":{"quote":"10000","base":"0","last_buy":null,"profit":"0","day":20785,"day_profit":"0","ordered_at":[],"buy_and_hold":{"quote":"0.00045235","base":"0.12242801","start":"10000"},"day_peak":null,"stopped_on":null,"base_withheld":"0","quote_withheld":"0"},"parameters":{"ratio_low":"0.1","ratio_high":"2","balance_share":"0.9","lookahead_minutes":1,"fee_bps":"40","forecast_stale_us":172800000000,"book_stale_us":30000000,"minimum":"0.00001","step":"1E-8","price_step":"0.01","slippage_bps":"0","imbalance_threshold":"0.5","half_spread_bps":"5","average_band_bps":"10","largest_order":"100000","largest_position":"100000","daily_loss":"5000","orders_per_minute":10,"hold_bps":0.0,"already_in_share":"0.1","edge_times":"0","stop_loss_bps":"0","max_drawdown":"0"},"vetoes":[],"record_id":{"topic":"market.signals","partition":0,"offset":8471},"rule_digest":null,"account_name":"main"}', NULL, 0, 0, 10000, 10000, 'main');
INSERT INTO public.decisions VALUES ('59b04ddb-b581-55ef-84bd-98964117caa2', 'forecast_and_ratio', 'hold', 'forecast_missing', '2026-11-28 03:30:00+00', 1.06341661, NULL, 81372.03, 81372.05, NULL, NULL, NULL, '{"rule":"forecast_and_ratio","signal":{"venue":"gemini","symbol":"BTC-USD","type":"price_volume","value":"1.063416608594","timestamp":1795836660000000,"window_start":1795836600000000,"v":1},"forecast":{"forecast_id":null,"trained_until":null,"side":null,"fault":"forecast_missing","side_now":null,"rise_bps":null,"anchor":null,"level":null,"lower":null,"upper":null},"top":{"venue_time":1795836659813000,"best":{"bid":"81372.03","bid_quantity":"2.2765668","ask":"81372.05","ask_quantity":"0.69608402"},"record_id":{"topic":"market.book","partition":0,"offset":5445},"bids":[],"asks":[],"unchanged_until":null},"account":{"quote":"10000","base":"0","last_buy":null,"profit":"0","day":20785,"day_profit":"0","ordered_at":[],"buy_and_hold":{"quote":"0.00045235","base":"0.12242801","start":"10000"},"day_peak":null,"stopped_on":null,"base_withheld":"0","quote_withheld":"0"},"parameters":{"ratio_low":"0.1","ratio_high":"2","balance_share":"0.9","lookahead_minutes":1,"fee_bps":"40","forecast_stale_us":172800000000,"book_stale_us":30000000,"minimum":"0.00001","step":"1E-8","price_step":"0.01","slippage_bps":"0","imbalance_threshold":"0.5","half_spread_bps":"5","average_band_bps":"10","largest_order":"100000","largest_position":"100000","daily_loss":"5000","orders_per_minute":10,"hold_bps":0.0,"already_in_share":"0.1","edge_times":"0","stop_loss_bps":"0","max_drawdown":"0"},"vetoes":[],"record_id":{"topic":"market.signals","partition":0,"offset":11159},"rule_digest":null,"account_name":"main"}', NULL, 0, 0, 10000, 10000, 'main');


--
-- Data for Name: feed_health; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.feed_health VALUES ('binance', 'live', '2026-11-28 03:26:54.53275+00', 'ETH-USDT: start');
INSERT INTO public.feed_health VALUES ('bitstamp', 'live', '2026-11-28 03:26:54.418352+00', 'BTC-EUR: start');
INSERT INTO public.feed_health VALUES ('coinbase', 'live', '2026-11-28 03:26:54.456193+00', 'BTC-EUR: start');
INSERT INTO public.feed_health VALUES ('deribit', 'live', '2026-11-28 03:26:54.62637+00', 'BTC-PERPETUAL: start');
INSERT INTO public.feed_health VALUES ('gemini', 'live', '2026-11-28 03:26:55.632298+00', 'quotes of BTC-EUR: start');
INSERT INTO public.feed_health VALUES ('kraken', 'live', '2026-11-28 03:26:56.485282+00', 'BTC-EUR: start');


--
-- Data for Name: fills; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: forecast_anchors; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: forecast_points; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: outbox; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: reader_offsets; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.reader_offsets VALUES ('auctions', 0, 6);
INSERT INTO public.reader_offsets VALUES ('signals', 0, 34);
INSERT INTO public.reader_offsets VALUES ('contract_minutes', 0, 196);
INSERT INTO public.reader_offsets VALUES ('trade_minutes', 0, 1480);
INSERT INTO public.reader_offsets VALUES ('trade_minutes_ledger', 0, 12);


--
-- Data for Name: schema_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_version VALUES (4);


--
-- Data for Name: scores; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: signals; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.signals VALUES ('suppliers', 'BTC-EUR', 'average_price', 74841.451388888889, '2026-11-28 03:26:20+00', '2026-11-28 03:27:20+00');
INSERT INTO public.signals VALUES ('suppliers', 'ETH-USDT', 'average_price', 2034.138461538462, '2026-11-28 03:26:20+00', '2026-11-28 03:27:20+00');
INSERT INTO public.signals VALUES ('deribit', 'BTC-PERPETUAL', 'price_volume', 0.999073571198, '2026-11-28 03:27:00+00', '2026-11-28 03:28:00+00');
INSERT INTO public.signals VALUES ('binance', 'BTC-USDT', 'price_volume', 0.958204731935, '2026-11-28 03:27:00+00', '2026-11-28 03:28:00+00');
INSERT INTO public.signals VALUES ('binance', 'ETH-USDT', 'price_volume', 1.034723402301, '2026-11-28 03:27:00+00', '2026-11-28 03:28:00+00');
INSERT INTO public.signals VALUES ('suppliers', 'BTC-USDT', 'average_price', 81343.855666666667, '2026-11-28 03:27:00+00', '2026-11-28 03:28:00+00');
INSERT INTO public.signals VALUES ('suppliers', 'ETH-USDT', 'average_price', 2035.551000000000, '2026-11-28 03:27:40+00', '2026-11-28 03:28:40+00');
INSERT INTO public.signals VALUES ('suppliers', 'BTC-USDT', 'average_price', 81393.898333333333, '2026-11-28 03:29:20+00', '2026-11-28 03:30:20+00');
INSERT INTO public.signals VALUES ('suppliers', 'BTC-PERPETUAL', 'average_price', 81395.366666666667, '2026-11-28 03:29:40+00', '2026-11-28 03:30:40+00');
INSERT INTO public.signals VALUES ('binance', 'ETH-USDT', 'ask', 845776.565758300000, '2026-11-28 03:30:00+00', '2026-11-28 03:31:00+00');
INSERT INTO public.signals VALUES ('deribit', 'BTC-PERPETUAL', 'bid', 80935550.000003508550, '2026-11-28 03:30:00+00', '2026-11-28 03:31:00+00');
INSERT INTO public.signals VALUES ('suppliers', 'ETH-USDT', 'average_price', 2036.770333333333, '2026-11-28 03:30:10+00', '2026-11-28 03:31:10+00');


--
-- Data for Name: stream_lag; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.stream_lag VALUES ('land', 'trading.decisions', 0, 0, 0, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'trading.balances', 0, 0, 0, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'market.ledger', 0, 0, 0, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'market.auctions', 0, 0, 0, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'trading.orders', 0, 0, 0, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'market.tickers', 0, 36, 7.06, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'market.quotes', 0, 8, 6.553, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'trading.scores', 0, 0, 0, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'market.trades', 0, 19, 7.046, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'market.book', 0, 69, 10.761, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'trading.fills', 0, 0, 0, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('land', 'market.rejects', 0, 0, 0, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('signals', 'market.book', 0, 223, 10.761, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('averages', 'market.trades', 0, 36, 7.046, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('averages', 'market.tickers', 0, 75, 7.06, '2026-11-28 03:31:12.336765+00');
INSERT INTO public.stream_lag VALUES ('averages', 'market.quotes', 0, 10, 6.553, '2026-11-28 03:31:12.336765+00');


--
-- Data for Name: trader_state; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.trader_state VALUES ('journal', 'trader-3df6b0f43d50');
INSERT INTO public.trader_state VALUES ('topic_ids', '{"market.signals":"96949361-7c42-4221-a6c5-9f4bb9fcdafa","market.book":"3c510950-8338-463a-a562-8b97c74bdbda"}');
INSERT INTO public.trader_state VALUES ('offsets', '[["market.signals",0,11170],["market.book",0,5445]]');
INSERT INTO public.trader_state VALUES ('account', '{"quote":"10000","base":"0","last_buy":null,"profit":"0","day":20785,"day_profit":"0","ordered_at":[],"buy_and_hold":{"quote":"0.00045235","base":"0.12242801","start":"10000"},"day_peak":null,"stopped_on":null,"base_withheld":"0","quote_withheld":"0"}');
INSERT INTO public.trader_state VALUES ('last_window', '1795836600000000');
INSERT INTO public.trader_state VALUES ('intent', '');


--
-- Name: outbox_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.outbox_id_seq', 6, true);


--
-- Name: trade_minutes trade_minutes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trade_minutes
    ADD CONSTRAINT trade_minutes_pkey PRIMARY KEY (venue, symbol, minute);


--
-- Name: trade_minutes_2026-11-28 trade_minutes_2026-11-28_pkey; Type: CONSTRAINT; Schema: partitions; Owner: -
--

ALTER TABLE ONLY partitions."trade_minutes_2026-11-28"
    ADD CONSTRAINT "trade_minutes_2026-11-28_pkey" PRIMARY KEY (venue, symbol, minute);


--
-- Name: annotations annotations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.annotations
    ADD CONSTRAINT annotations_pkey PRIMARY KEY (annotation_id);


--
-- Name: auctions auctions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.auctions
    ADD CONSTRAINT auctions_pkey PRIMARY KEY (venue, symbol, published_at, phase);


--
-- Name: balances balances_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.balances
    ADD CONSTRAINT balances_pkey PRIMARY KEY (currency, account);


--
-- Name: contract_minutes contract_minutes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.contract_minutes
    ADD CONSTRAINT contract_minutes_pkey PRIMARY KEY (venue, symbol, minute);


--
-- Name: decisions decisions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (decision_id);


--
-- Name: feed_health feed_health_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.feed_health
    ADD CONSTRAINT feed_health_pkey PRIMARY KEY (venue);


--
-- Name: fills fills_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.fills
    ADD CONSTRAINT fills_pkey PRIMARY KEY (fill_id);


--
-- Name: forecast_anchors forecast_anchors_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.forecast_anchors
    ADD CONSTRAINT forecast_anchors_pkey PRIMARY KEY (symbol);


--
-- Name: forecast_points forecast_points_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.forecast_points
    ADD CONSTRAINT forecast_points_pkey PRIMARY KEY (symbol, model, ds);


--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (order_id);


--
-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);


--
-- Name: reader_offsets reader_offsets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reader_offsets
    ADD CONSTRAINT reader_offsets_pkey PRIMARY KEY (reader, partition);


--
-- Name: scores scores_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scores
    ADD CONSTRAINT scores_pkey PRIMARY KEY (order_id);


--
-- Name: signals signals_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (venue, symbol, type, window_start);


--
-- Name: stream_lag stream_lag_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.stream_lag
    ADD CONSTRAINT stream_lag_pkey PRIMARY KEY (query, topic, partition);


--
-- Name: trader_state trader_state_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trader_state
    ADD CONSTRAINT trader_state_pkey PRIMARY KEY (name);


--
-- Name: trade_minutes_by_minute; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX trade_minutes_by_minute ON ONLY public.trade_minutes USING btree (minute);


--
-- Name: trade_minutes_2026-11-28_minute_idx; Type: INDEX; Schema: partitions; Owner: -
--

CREATE INDEX "trade_minutes_2026-11-28_minute_idx" ON partitions."trade_minutes_2026-11-28" USING btree (minute);


--
-- Name: auctions_by_published_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX auctions_by_published_at ON public.auctions USING btree (published_at);


--
-- Name: contract_minutes_by_minute; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX contract_minutes_by_minute ON public.contract_minutes USING btree (minute);


--
-- Name: decisions_by_window_start; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX decisions_by_window_start ON public.decisions USING btree (window_start);


--
-- Name: signals_by_timestamp; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX signals_by_timestamp ON public.signals USING btree ("timestamp");


--
-- Name: trade_minutes_2026-11-28_minute_idx; Type: INDEX ATTACH; Schema: partitions; Owner: -
--

ALTER INDEX public.trade_minutes_by_minute ATTACH PARTITION partitions."trade_minutes_2026-11-28_minute_idx";


--
-- Name: trade_minutes_2026-11-28_pkey; Type: INDEX ATTACH; Schema: partitions; Owner: -
--

ALTER INDEX public.trade_minutes_pkey ATTACH PARTITION partitions."trade_minutes_2026-11-28_pkey";


--
-- PostgreSQL database dump complete
--

\unrestrict J5hzyDKzV9VXm3DHTLI0dQNWSgpqUVLZ0yuwkkzlbCesJMkqBEaKhCxixv1qLC4

