{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={
        'replace_key': 'request_id',
        'replace_scope': 'int_requests__touched',
        'replace_span': ['first_hour', 'last_hour'],
    },
    post_hook='{{ purge_closed_requests() }}'
) }}

-- depends_on: {{ ref('int_requests__touched') }}
with attempts as {{ inlined() }} (

    select * from {{ ref('fct_attempts') }}
    where {% if is_incremental() -%}
        request_id in (select request_id from {{ ref('int_requests__touched') }})
        and {{ in_touched_spans('int_requests__touched', 'hour', 'hour') }}
    {%- else -%}
        request_id is not null
    {%- endif %}

),

-- Nine requests of ten are one attempt: their row is that attempt's, and only the others need grouping. Told apart by a
-- short hash; a collision sends a single attempt through the grouping, which gives it the same row.
repeated as (

    select {{ quick_hash('request_id') }} as request_hash
    from attempts
    group by {{ quick_hash('request_id') }}
    having count(*) > 1

),

tries as {{ inlined() }} (

    select * from attempts
    where {{ quick_hash('request_id') }} in (select request_hash from repeated)

),

-- The attempt that delivered: the last one that succeeded.
answered as (

    select request_id, max(attempt) as answered_by
    from tries
    where not is_failure
    group by request_id

),

marked as (

    select
        tries.*,
        answered.answered_by is null or is_failure or attempt < answered.answered_by as is_wasted,
        {{ in_order(['occurred_at', 'attempt', 'event_id']) }} as turn
    from tries
    left join answered on tries.request_id = answered.request_id

),

of_one_attempt as (

    select
        request_id,
        occurred_at as first_seen,
        occurred_at as last_seen,
        hour as first_hour,
        hour as last_hour,
        day,

        feature,
        tenant_id,
        user_id,
        session_id,
        provider,
        model,
        status as final_status,
        feature as first_feature,
        tenant_id as first_tenant_id,
        is_local as first_is_local,

        cast(1 as bigint) as attempts,
        cast(retries as bigint) as retries,
        cast(case when is_failure then 1 else 0 end as bigint) as failures,
        cast(case when cache_hit then 1 else 0 end as bigint) as cache_hits,
        cast(latency_ms as bigint) as latency_ms_sum,

        cast(prompt_tokens as bigint) as prompt_tokens,
        cast(completion_tokens as bigint) as completion_tokens,
        cast(total_tokens as bigint) as total_tokens,
        {{ share('prompt_tokens', 'prompt_tokens + completion_tokens') }} as prompt_share,

        cost_usd,
        cast(coalesce(case when is_failure then cost_usd end, 0) as {{ money_type() }}) as wasted_cost_usd,
        baseline_cost_usd,
        cast(case when cost_usd is null then 1 else 0 end as bigint) as unpriced_attempts
    from attempts
    where {{ quick_hash('request_id') }} not in (select request_hash from repeated)

),

of_several as (

    select
        request_id,
        min(occurred_at) as first_seen,
        max(occurred_at) as last_seen,
        min(hour) as first_hour,
        max(hour) as last_hour,
        min(day) as day,

        {{ first_known('feature', 'turn') }} as feature,
        {{ first_known('tenant_id', 'turn') }} as tenant_id,
        {{ first_known('user_id', 'turn') }} as user_id,
        {{ first_known('session_id', 'turn') }} as session_id,
        {{ first_by('provider', 'turn') }} as provider,
        {{ first_by('model', 'turn') }} as model,
        {{ last_known('status', in_order(['attempt', 'occurred_at', 'event_id'])) }} as final_status,
        {{ first_by('feature', 'turn') }} as first_feature,
        {{ first_by('tenant_id', 'turn') }} as first_tenant_id,
        {{ first_by('is_local', 'turn') }} as first_is_local,

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

)

select * from of_one_attempt
union all
select * from of_several
