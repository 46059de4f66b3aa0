{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replace_key': 'request_id', 'replace_scope': 'int_requests__touched'},
    post_hook='{{ purge_closed_requests() }}'
) }}

with attempts as (

    select * from {{ ref('fct_attempts') }}
    where request_id in (select request_id from {{ ref('int_requests__touched') }})

),

-- The attempt that delivered: the last one that succeeded.
answered as (

    select request_id, max(attempt) as answered_by
    from attempts
    where not is_failure
    group by request_id

),

marked as (

    select
        attempts.*,
        answered.answered_by is null or is_failure or attempt < answered.answered_by as is_wasted,
        row(occurred_at, attempt, event_id) as turn
    from attempts
    left join answered on attempts.request_id = answered.request_id

)

select
    request_id,
    min(occurred_at) as first_seen,
    max(occurred_at) as last_seen,
    min(hour) as first_hour,
    max(hour) as last_hour,
    min(day) as day,
    {{ first_by('source', 'turn') }} as first_source,
    {{ first_by('event_id', 'turn') }} as first_event_id,

    arg_min(feature, turn) as feature,
    arg_min(tenant_id, turn) as tenant_id,
    arg_min(user_id, turn) as user_id,
    arg_min(session_id, turn) as session_id,
    {{ first_by('provider', 'turn') }} as provider,
    {{ first_by('model', 'turn') }} as model,
    arg_max(status, row(attempt, occurred_at, event_id)) as final_status,

    count(*) as attempts,
    cast(sum(retries) as bigint) as retries,
    count(*) filter (where is_failure) as failures,
    count(*) filter (where cache_hit) as cache_hits,
    cast(sum(latency_ms) as bigint) as latency_ms_sum,

    cast(sum(prompt_tokens) as bigint) as prompt_tokens,
    cast(sum(completion_tokens) as bigint) as completion_tokens,
    cast(sum(total_tokens) as bigint) as total_tokens,
    {{ share('sum(prompt_tokens)', 'sum(prompt_tokens) + sum(completion_tokens)') }} as prompt_share,

    cast(sum(cost_usd) as {{ money_type() }}) as cost_usd,
    cast(coalesce(sum(cost_usd) filter (where is_wasted), 0) as {{ money_type() }}) as wasted_cost_usd,
    cast(sum(baseline_cost_usd) as {{ money_type() }}) as baseline_cost_usd,
    count(*) filter (where cost_usd is null) as unpriced_attempts
from marked
group by request_id
