{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replace_key': 'day', 'replace_scope': 'int_days__touched'}
) }}

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

)

-- What is not priced on either side is left out of both sides, and counted.
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
