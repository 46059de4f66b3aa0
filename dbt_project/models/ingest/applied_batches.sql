-- Written last: a batch counts as applied once every mart holds it.
-- depends_on: {{ ref('agg_all_time') }}
-- depends_on: {{ ref('routing_savings_daily') }}
{%- set keys = [] %}
{%- for batch in landed_batches() -%}
    {%- do keys.append(batch.key) -%}
{%- endfor %}

{{ text_rows(keys, 'batch_key') }}
