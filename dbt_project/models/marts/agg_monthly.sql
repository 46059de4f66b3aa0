-- depends_on: {{ ref('int_days__touched') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replace_key': 'month', 'replace_scope': 'int_days__touched'}
) }}

select
    {{ month_of('day') }} as month,
    tenant_id,
    feature,
    provider,
    model,
    is_local,
    min(day) as first_day,
    max(day) as last_day,
    {{ summed_measures() }}
from {{ ref('agg_daily') }}
{%- if is_incremental() %}
where {{ in_touched_months('day') }} and {{ month_of('day') }} in (select month from {{ ref('int_days__touched') }})
{%- endif %}
group by {{ month_of('day') }}, tenant_id, feature, provider, model, is_local
