-- Each price version and band of the models in use, the one in force now marked. In use is what the book calls by the
-- name that was served, and what priced an attempt of the last days (a model may be priced by another name).
with priced as (
    select distinct price_id
    from recent.fct_attempts
    where day > cast($today as date) - cast($days as integer) and day <= $today
),

used as (
    select provider, model from marts.agg_all_time
    union
    select provider, model from marts.dim_prices where price_id in (select price_id from priced)
)
select
    provider,
    model,
    region,
    service_tier,
    price_window,
    min_context_tokens,
    max_context_tokens,
    currency,
    effective_from,
    case when effective_to < timestamptz '9999-01-01 00:00:00Z' then effective_to end as effective_to,
    case
        when effective_from > cast($as_of as timestamptz) then 'TO COME'
        when effective_to > cast($as_of as timestamptz) then 'IN FORCE'
        else 'PAST'
    end as standing,
    input_rate,
    cache_read_rate,
    cache_write_5m_rate,
    output_rate,
    request_fee,
    request_per,
    source,
    price_id
from marts.dim_prices
where (provider, model) in (select (provider, model) from used)
order by
    provider,
    model,
    region is not distinct from 'default' desc,
    service_tier is not distinct from 'standard' desc,
    region,
    service_tier,
    price_window nulls first,
    effective_from desc,
    min_context_tokens
