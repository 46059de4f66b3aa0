{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replace_key': 'hour', 'replace_scope': 'int_hours__touched'}
) }}

with hours as (

    select hour from {{ ref('int_hours__touched') }}

),

attempts as (

    select * from {{ ref('fct_attempts') }}
    where hour in (select hour from hours)
        and grain is distinct from 'count'
        and {{ is_open('occurred_at') }}

),

first_attempts as (

    select request_id, first_source, first_event_id
    from {{ ref('fct_requests') }}
    where first_hour in (select hour from hours)

)

select
    attempts.hour,
    min(attempts.day) as day,
    attempts.tenant_id,
    attempts.feature,
    attempts.provider,
    attempts.model,
    attempts.is_local,

    count(*) as attempts,
    -- A request counts once, where its first attempt was: that way it adds up at every grain.
    count(first_attempts.request_id) as requests,
    count(*) filter (where attempts.is_failure) as failures,
    cast(sum(attempts.retries) as bigint) as retries,
    count(*) filter (where attempts.cache_hit) as cache_hits,

    cast(coalesce(sum(attempts.prompt_tokens), 0) as bigint) as prompt_tokens,
    cast(coalesce(sum(attempts.completion_tokens), 0) as bigint) as completion_tokens,
    cast(coalesce(sum(attempts.total_tokens), 0) as bigint) as total_tokens,
    cast(coalesce(sum(attempts.cache_read_tokens), 0) as bigint) as cache_read_tokens,
    cast(coalesce(sum(attempts.cache_write_5m_tokens), 0) as bigint) as cache_write_5m_tokens,
    cast(coalesce(sum(attempts.cache_write_1h_tokens), 0) as bigint) as cache_write_1h_tokens,
    cast(coalesce(sum(attempts.reasoning_tokens), 0) as bigint) as reasoning_tokens,

    cast(sum(attempts.cost_usd) as {{ money_type() }}) as cost_usd,
    cast(sum(attempts.list_cost_usd) as {{ money_type() }}) as list_cost_usd,
    cast(sum(attempts.prompt_cost_usd) as {{ money_type() }}) as prompt_cost_usd,
    cast(sum(attempts.completion_cost_usd) as {{ money_type() }}) as completion_cost_usd,
    cast(sum(attempts.reported_cost_usd) as {{ money_type() }}) as reported_cost_usd,
    count(*) filter (where attempts.cost_usd is null) as unpriced_attempts,
    cast(coalesce(sum(attempts.total_tokens) filter (where attempts.cost_usd is null), 0) as bigint) as unpriced_tokens,
    count(*) filter (where attempts.cost_basis = 'estimate_per_request') as estimated_attempts,
    cast(
        sum(attempts.cost_usd) filter (where attempts.cost_basis = 'estimate_per_request') as {{ money_type() }}
    ) as estimated_cost_usd,

    cast(coalesce(sum(attempts.latency_ms), 0) as bigint) as latency_ms_sum,
    count(attempts.latency_ms) as latency_count
from attempts
left join first_attempts
    on attempts.request_id = first_attempts.request_id
    and attempts.source = first_attempts.first_source
    and attempts.event_id = first_attempts.first_event_id
group by
    attempts.hour, attempts.tenant_id, attempts.feature, attempts.provider, attempts.model, attempts.is_local
{%- if retention() and not is_incremental() %}

union all by name

{{ closed_rows() }}
{%- endif %}
