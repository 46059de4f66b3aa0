-- Made anew by every run, from months: how many days there are does not matter.
select
    tenant_id,
    feature,
    provider,
    model,
    is_local,
    min(first_day) as first_day,
    max(last_day) as last_day,
    {{ summed_measures() }}
from {{ ref('agg_monthly') }}
group by tenant_id, feature, provider, model, is_local
