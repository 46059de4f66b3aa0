{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replace_key': 'day', 'replace_scope': 'int_days__touched'}
) }}

{%- set closed = retention() %}
{%- set with_closed = closed and (not is_incremental() or closed_days_touched(closed['last_day'])) %}

with attempts as (

    select
        *,
        cost_usd is not null and baseline_cost_usd is not null as is_comparable
    from {{ ref('fct_attempts') }}
    where day in (select day from {{ ref('int_days__touched') }})
        and grain is distinct from 'count'
        and {{ is_open('occurred_at') }}

),

-- A request counts once, where its first attempt was.
begun as (

    select day, provider, model, first_is_local, count(*) as requests
    from {{ ref('fct_requests') }}
    where day in (select day from {{ ref('int_days__touched') }}) and {{ is_open('first_seen') }}
    group by day, provider, model, first_is_local

),

-- What is not priced on either side is left out of both sides, and counted.
summed as (

    select
        day,
        provider,
        model,
        is_local,
        {{ distinct_list("baseline_provider || '/' || baseline_model") }} as baseline_model,
        count(*) as attempts,
        count(*) filter (where not is_comparable) as unpriced_attempts,
        cast(coalesce(sum(cost_usd) filter (where is_comparable), 0) as {{ money_type() }}) as actual_cost_usd,
        cast(coalesce(sum(baseline_cost_usd) filter (where is_comparable), 0) as {{ money_type() }}) as baseline_cost_usd,
        cast(
            coalesce(sum(baseline_cost_usd - cost_usd) filter (where is_comparable), 0) as {{ money_type() }}
        ) as saved_usd
    from attempts
    group by day, provider, model, is_local

),

computed as (

    select
        summed.day,
        summed.provider,
        summed.model,
        not summed.is_local as is_paid,
        summed.baseline_model,
        summed.attempts,
        coalesce(begun.requests, 0) as requests,
        summed.unpriced_attempts,
        summed.actual_cost_usd,
        summed.baseline_cost_usd,
        summed.saved_usd
    from summed
    left join begun
        on summed.day = begun.day
        and summed.provider is not distinct from begun.provider
        and summed.model is not distinct from begun.model
        and summed.is_local is not distinct from begun.first_is_local

)

{% if not with_closed -%}
select * from computed
{%- else -%}
, closed as (

    {{ closed_rows() }}

),

with_closed as (

    select * from computed
    {{ and_by_name() }}
    select * from closed
    {%- if is_incremental() %}
    where day in (select day from {{ ref('int_days__touched') }})
    {%- endif %}

)

-- A closed day and an open one have the same date only where the time zone was changed in between.
select
    day,
    provider,
    model,
    is_paid,
    {{ distinct_list('baseline_model') }} as baseline_model,
    {% for count in ['attempts', 'requests', 'unpriced_attempts'] -%}
    cast(sum({{ count }}) as bigint) as {{ count }},
    {% endfor -%}
    {% for amount in ['actual_cost_usd', 'baseline_cost_usd', 'saved_usd'] -%}
    cast(sum({{ amount }}) as {{ money_type() }}) as {{ amount }}{% if not loop.last %},{% endif %}
    {% endfor %}
from with_closed
group by day, provider, model, is_paid
{%- endif %}
