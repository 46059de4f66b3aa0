with prices as (

    select * from {{ ref('stg_pricing__prices') }}

),

-- What the book says today of each start: the row recorded last. A correction repeats the start with a later
-- recorded_at, a retraction withdraws it.
newest_word as (

    select distinct price_id, provider, model, region, service_tier, window_key, effective_from, recorded_at, status
    from prices
    qualify row_number() over (
        partition by provider, model, region, service_tier, window_key, effective_from
        order by recorded_at desc, price_id, min_context_tokens
    ) = 1

),

-- 'ended' closes the version before it and prices nothing itself.
intervals as (

    select
        price_id,
        status,
        effective_from as valid_from,
        lead(effective_from, 1, {{ instant_literal('9999-12-31 00:00:00+00') }}) over (
            partition by provider, model, region, service_tier, window_key
            order by effective_from
        ) as valid_to
    from newest_word
    where status != 'retracted'

)

select
    prices.price_id,
    prices.provider,
    prices.model,
    prices.region,
    prices.service_tier,
    prices.currency,
    prices.window_key,
    prices.window_timezone,
    prices.window_minutes,
    prices.window_weekdays,
    prices.window_exclude_dates,
    prices.min_context_tokens,
    prices.max_context_tokens,
    intervals.valid_from,
    intervals.valid_to,
    prices.recorded_at,
    {{ resolved_rates() }},
    {% for count, fee in unit_components() -%}
    prices.{{ fee }}_fee, prices.{{ fee }}_per, prices.{{ fee }}_minimum_units,
    {% endfor -%}
    prices.source,
    prices.row_hash
from prices
inner join intervals on prices.price_id = intervals.price_id and prices.effective_from = intervals.valid_from
where intervals.status = 'active'
