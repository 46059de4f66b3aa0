-- Made anew by every run, from months: how many days there are does not matter.
{%- set counts = [
    'attempts', 'requests', 'failures', 'retries', 'cache_hits',
    'prompt_tokens', 'completion_tokens', 'total_tokens',
    'cache_read_tokens', 'cache_write_5m_tokens', 'cache_write_1h_tokens', 'reasoning_tokens',
    'unpriced_attempts', 'unpriced_tokens', 'estimated_attempts', 'latency_ms_sum', 'latency_count',
] %}

select
    tenant_id,
    feature,
    provider,
    model,
    is_local,
    min(first_day) as first_day,
    max(last_day) as last_day,
    {% for count in counts -%}
    cast(sum({{ count }}) as bigint) as {{ count }},
    {% endfor -%}
    cast(sum(cost_usd) as {{ money_type() }}) as cost_usd,
    cast(sum(list_cost_usd) as {{ money_type() }}) as list_cost_usd,
    cast(sum(estimated_cost_usd) as {{ money_type() }}) as estimated_cost_usd,
    cast(sum(prompt_cost_usd) as {{ money_type() }}) as prompt_cost_usd,
    cast(sum(completion_cost_usd) as {{ money_type() }}) as completion_cost_usd,
    cast(sum(reported_cost_usd) as {{ money_type() }}) as reported_cost_usd
from {{ ref('agg_monthly') }}
group by tenant_id, feature, provider, model, is_local
