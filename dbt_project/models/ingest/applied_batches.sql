-- Written last: a batch counts as applied once every mart holds it.
-- depends_on: {{ ref('agg_daily') }}
-- depends_on: {{ ref('routing_savings_daily') }}
{%- set batches = landed_batches() %}

{% for batch in batches -%}
select '{{ batch.key }}' as batch_key
{% if not loop.last %}union all {% endif %}
{%- endfor %}
{%- if not batches -%}
select cast(null as varchar) as batch_key where false
{%- endif %}
