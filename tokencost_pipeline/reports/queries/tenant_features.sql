-- One row per tenant and feature, dearest first within the tenant; over everything in the warehouse.
with ever as (
    select
        tenant_id,
        feature,
        sum(cost_usd) as cost_usd,
        sum(unpriced_attempts) as unpriced_attempts,
        sum(requests) as requests,
        sum(attempts) as attempts,
        sum(total_tokens) as total_tokens
    from marts.agg_all_time
    group by tenant_id, feature
),

week as (
    select tenant_id, feature, sum(cost_usd) as cost_usd, sum(attempts) as attempts
    from recent.agg_daily
    where day > cast($today as date) - 7 and day <= $today
    group by tenant_id, feature
)

select
    ever.tenant_id,
    ever.feature,
    ever.cost_usd,
    case when week.attempts is null then 0 else week.cost_usd end as cost_7d_usd,
    ever.unpriced_attempts,
    ever.requests,
    ever.attempts,
    ever.total_tokens
from ever
left join week on week.tenant_id is not distinct from ever.tenant_id
    and week.feature is not distinct from ever.feature
order by ever.tenant_id nulls last, ever.cost_usd desc nulls last, ever.attempts desc, ever.feature nulls last
