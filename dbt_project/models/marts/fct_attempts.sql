{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replace_key': 'hour', 'replace_scope': 'int_hours__touched', 'appended': "grain = 'count'"},
    pre_hook=['{{ remember_published_costs() }}', '{{ keep_join_order() }}'],
    post_hook=['{{ choose_join_order() }}', '{{ log_restated_costs() }}', '{{ purge_closed_attempts() }}']
) }}
-- depends_on: {{ ref('int_attempts__restated') }}

with priced as (

    select *, {{ hour_start('occurred_at') }} as hour
    from {{ ref('int_attempts__priced') }}

)

select
    event_id,
    source,
    grain,
    occurred_at,
    hour,
    {{ local_day('hour') }} as day,

    tenant_id,
    user_id,
    feature,
    session_id,
    request_id,
    attempt,
    call_id,
    merged_sources,

    provider,
    model,
    model_requested,
    region,
    service_tier,
    is_local,
    status,
    {{ is_failure('status') }} as is_failure,
    error_code,
    latency_ms,
    retry_count,
    -- Each retry is a row of its own where the source logs attempts; else the row tells how many it took.
    case
        when grain = 'attempt' and attempt > 1 then 1
        else coalesce(retry_count, 0)
    end as retries,
    cache_hit,
    prompt_template_id,

    prompt_tokens,
    completion_tokens,
    coalesce(total_tokens, prompt_tokens + completion_tokens) as total_tokens,
    cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    reasoning_tokens,
    input_audio_tokens,
    output_audio_tokens,
    cache_read_audio_tokens,
    input_image_tokens,
    output_image_tokens,

    price_id,
    price_currency,
    -- NULL: priced with the book of the day; else the instant whose book was asked for.
    (select max(book_as_of) from {{ ref('stg_run__context') }}) as book_as_of,
    discount_id,
    cost_basis,
    cost_usd,
    list_cost_usd,
    prompt_cost_usd,
    completion_cost_usd,
    unit_cost_usd,
    reported_cost_usd,
    baseline_provider,
    baseline_model,
    baseline_cost_usd,

    tags,
    provider_request_id,
    path,
    line_no
from priced
where (hour in (select hour from {{ ref('int_hours__touched') }}) or grain = 'count')
    and {{ is_open('occurred_at') }}
{%- if retention() and not is_incremental() %}

{{ and_by_name() }}

{{ closed_rows() }}
{%- endif %}
