{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replace_key': 'day', 'replace_scope': 'int_days__touched'}
) }}

{%- set closed = retention() %}
{%- set with_closed = closed and (not is_incremental() or closed_days_touched(closed['last_day'])) %}

with attempts as (

    select
        fct_attempts.*,
        fct_attempts.cost_usd is not null and fct_attempts.baseline_cost_usd is not null as is_comparable,
        fct_requests.request_id is not null as is_first_attempt
    from {{ ref('fct_attempts') }} as fct_attempts
    left join {{ ref('fct_requests') }} as fct_requests
        on fct_attempts.request_id = fct_requests.request_id
        and fct_attempts.source = fct_requests.first_source
        and fct_attempts.event_id = fct_requests.first_event_id
    where fct_attempts.day in (select day from {{ ref('int_days__touched') }})
        and fct_attempts.grain is distinct from 'count'
        and {{ is_open('fct_attempts.occurred_at') }}

),

-- What is not priced on either side is left out of both sides, and counted.
computed as (

    select
        day,
        provider,
        model,
        not is_local as is_paid,
        {{ distinct_list("baseline_provider || '/' || baseline_model") }} as baseline_model,
        count(*) as attempts,
        count(*) filter (where is_first_attempt) as requests,
        count(*) filter (where not is_comparable) as unpriced_attempts,
        cast(coalesce(sum(cost_usd) filter (where is_comparable), 0) as {{ money_type() }}) as actual_cost_usd,
        cast(coalesce(sum(baseline_cost_usd) filter (where is_comparable), 0) as {{ money_type() }}) as baseline_cost_usd,
        cast(
            coalesce(sum(baseline_cost_usd - cost_usd) filter (where is_comparable), 0) as {{ money_type() }}
        ) as saved_usd
    from attempts
    group by day, provider, model, is_local

)

{% if not with_closed -%}
select * from computed
{%- else -%}
, closed as (

    {{ closed_rows() }}

),

with_closed as (

    select * from computed
    union all by name
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
