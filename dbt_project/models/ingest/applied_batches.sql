-- Written last: a batch counts as applied once every mart holds it.
-- depends_on: {{ ref('agg_daily') }}
-- depends_on: {{ ref('routing_savings_daily') }}
{%- set batches = landed_batches() %}

{% for batch in batches -%}
select cast({{ batch.seq }} as bigint) as seq, '{{ batch.committed_at }}' as committed_at
{% if not loop.last %}union all {% endif %}
{%- endfor %}
{%- if not batches -%}
select cast(null as bigint) as seq, cast(null as varchar) as committed_at where false
{%- endif %}
