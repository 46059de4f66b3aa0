-- One row per tenant and feature, dearest first within the tenant; over everything in the warehouse.
select
    tenant_id,
    feature,
    sum(cost_usd) as cost_usd,
    case
        when count(*) filter (where day > cast($today as date) - 7 and day <= $today) = 0 then 0
        else sum(cost_usd) filter (where day > cast($today as date) - 7 and day <= $today)
    end as cost_7d_usd,
    sum(unpriced_attempts) as unpriced_attempts,
    sum(requests) as requests,
    sum(attempts) as attempts,
    sum(total_tokens) as total_tokens
from marts.agg_daily
group by tenant_id, feature
order by tenant_id nulls last, cost_usd desc nulls last, attempts desc, feature nulls last
