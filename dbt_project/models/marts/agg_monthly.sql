-- depends_on: {{ ref('int_days__touched') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replace_key': 'month', 'replace_scope': 'int_days__touched'}
) }}

{%- set counts = [
    'attempts', 'requests', 'failures', 'retries', 'cache_hits',
    'prompt_tokens', 'completion_tokens', 'total_tokens',
    'cache_read_tokens', 'cache_write_5m_tokens', 'cache_write_1h_tokens', 'reasoning_tokens',
    'unpriced_attempts', 'unpriced_tokens', 'estimated_attempts', 'latency_ms_sum', 'latency_count',
] %}

select
    {{ month_of('day') }} as month,
    tenant_id,
    feature,
    provider,
    model,
    is_local,
    min(day) as first_day,
    max(day) as last_day,
    {% for count in counts -%}
    cast(sum({{ count }}) as bigint) as {{ count }},
    {% endfor -%}
    cast(sum(cost_usd) as {{ money_type() }}) as cost_usd,
    cast(sum(list_cost_usd) as {{ money_type() }}) as list_cost_usd,
    cast(sum(estimated_cost_usd) as {{ money_type() }}) as estimated_cost_usd,
    cast(sum(prompt_cost_usd) as {{ money_type() }}) as prompt_cost_usd,
    cast(sum(completion_cost_usd) as {{ money_type() }}) as completion_cost_usd,
    cast(sum(reported_cost_usd) as {{ money_type() }}) as reported_cost_usd
from {{ ref('agg_daily') }}
{%- if is_incremental() %}
where {{ in_touched_months('day') }} and {{ month_of('day') }} in (select month from {{ ref('int_days__touched') }})
{%- endif %}
group by {{ month_of('day') }}, tenant_id, feature, provider, model, is_local
