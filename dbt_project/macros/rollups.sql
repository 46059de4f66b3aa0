{#- summed_measures(): the measures of a rollup added up from those of a finer one. All of them add up. -#}
{% macro summed_measures() -%}
    {%- set counts = [
        'attempts', 'requests', 'failures', 'retries', 'cache_hits',
        'prompt_tokens', 'completion_tokens', 'total_tokens',
        'cache_read_tokens', 'cache_write_5m_tokens', 'cache_write_1h_tokens', 'reasoning_tokens',
        'unpriced_attempts', 'unpriced_tokens', 'estimated_attempts', 'latency_ms_sum', 'latency_count',
    ] -%}
    {%- set costs = [
        'cost_usd', 'list_cost_usd', 'estimated_cost_usd', 'prompt_cost_usd', 'completion_cost_usd', 'reported_cost_usd',
    ] -%}
    {% for count in counts -%}
    cast(sum({{ count }}) as bigint) as {{ count }},
    {% endfor -%}
    {% for cost in costs -%}
    cast(sum({{ cost }}) as {{ money_type() }}) as {{ cost }}{% if not loop.last %},
    {% endif %}
    {%- endfor %}
{%- endmacro %}
