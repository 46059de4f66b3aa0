-- depends_on: {{ ref('int_days__touched') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replace_key': 'day', 'replace_scope': 'int_days__touched'}
) }}

select
    day,
    tenant_id,
    feature,
    provider,
    model,
    is_local,
    {{ summed_measures() }}
from {{ ref('agg_hourly') }}
{%- if is_incremental() or not retention() %}
where day in (select day from {{ ref('int_days__touched') }})
{%- endif %}
group by day, tenant_id, feature, provider, model, is_local
{{ in_time_order('day') }}
