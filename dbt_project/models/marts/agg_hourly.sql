{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replace_key': 'hour', 'replace_scope': 'int_hours__touched'}
) }}

with hours as (

    select hour from {{ ref('int_hours__touched') }}

),

repeated as (

    select *
    from {{ ref('fct_requests') }}
    where attempts > 1 and {{ in_touched_range('first_hour', until='last_hour') }}

),

attempts as (

    select
        *,
        request_id is not null and request_id not in (select request_id from repeated) as is_whole_request
    from {{ ref('fct_attempts') }}
    where hour in (select hour from hours)
        and grain is distinct from 'count'
        and {{ is_open('occurred_at') }}

),

-- A request counts once, where its first attempt was: that way it adds up at every grain. Where there is only one the
-- attempt itself is counted, which spares grouping all requests once more.
begun as (

    select first_hour, first_tenant_id, first_feature, provider, model, first_is_local, count(*) as requests
    from repeated
    where first_hour in (select hour from hours) and {{ is_open('first_seen') }}
    group by first_hour, first_tenant_id, first_feature, provider, model, first_is_local

),

summed as (

    select
        hour,
        min(day) as day,
        tenant_id,
        feature,
        provider,
        model,
        is_local,

        count(*) as attempts,
        count(*) filter (where is_whole_request) as whole_requests,
        count(*) filter (where is_failure) as failures,
        cast(sum(retries) as bigint) as retries,
        count(*) filter (where cache_hit) as cache_hits,

        cast(coalesce(sum(prompt_tokens), 0) as bigint) as prompt_tokens,
        cast(coalesce(sum(completion_tokens), 0) as bigint) as completion_tokens,
        cast(coalesce(sum(total_tokens), 0) as bigint) as total_tokens,
        cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens,
        cast(coalesce(sum(cache_write_5m_tokens), 0) as bigint) as cache_write_5m_tokens,
        cast(coalesce(sum(cache_write_1h_tokens), 0) as bigint) as cache_write_1h_tokens,
        cast(coalesce(sum(reasoning_tokens), 0) as bigint) as reasoning_tokens,

        cast(sum(cost_usd) as {{ money_type() }}) as cost_usd,
        cast(sum(list_cost_usd) as {{ money_type() }}) as list_cost_usd,
        cast(sum(prompt_cost_usd) as {{ money_type() }}) as prompt_cost_usd,
        cast(sum(completion_cost_usd) as {{ money_type() }}) as completion_cost_usd,
        cast(sum(reported_cost_usd) as {{ money_type() }}) as reported_cost_usd,
        count(*) filter (where cost_usd is null) as unpriced_attempts,
        cast(coalesce(sum(total_tokens) filter (where cost_usd is null), 0) as bigint) as unpriced_tokens,
        count(*) filter (where cost_basis = 'estimate_per_request') as estimated_attempts,
        cast(
            sum(cost_usd) filter (where cost_basis = 'estimate_per_request') as {{ money_type() }}
        ) as estimated_cost_usd,

        cast(coalesce(sum(latency_ms), 0) as bigint) as latency_ms_sum,
        count(latency_ms) as latency_count
    from attempts
    group by hour, tenant_id, feature, provider, model, is_local

)

select
    {{ all_but(['whole_requests'], of='summed') }},
    summed.whole_requests + coalesce(begun.requests, 0) as requests
from summed
left join begun
    on summed.hour = begun.first_hour
    and summed.tenant_id is not distinct from begun.first_tenant_id
    and summed.feature is not distinct from begun.first_feature
    and summed.provider is not distinct from begun.provider
    and summed.model is not distinct from begun.model
    and summed.is_local is not distinct from begun.first_is_local
{%- if retention() and not is_incremental() %}

{{ and_by_name() }}

{{ closed_rows() }}
{%- endif %}
{{ in_time_order('hour') }}
