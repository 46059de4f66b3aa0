-- One row per tenant and day of the window with traffic. NULL tenants count as one tenant.
select
    tenant_id,
    day,
    sum(cost_usd) as cost_usd,
    sum(requests) as requests,
    sum(attempts) as attempts,
    sum(unpriced_attempts) as unpriced_attempts
from recent.agg_daily
where day > cast($today as date) - cast($days as integer) and day <= $today
group by tenant_id, day
order by tenant_id nulls last, day
