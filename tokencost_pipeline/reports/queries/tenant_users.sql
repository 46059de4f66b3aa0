-- The dearest users of each tenant over the last days, of whom `users` is the number of all. Rollups know no users, so
-- this reads attempts, and of these the days of the window alone.
with users as (
    select
        tenant_id,
        user_id,
        sum(cost_usd) as cost_usd,
        count(*) filter (where cost_usd is null) as unpriced_attempts,
        count(*) filter (where attempt = 1) as requests,
        count(*) as attempts,
        sum(total_tokens) as total_tokens,
        max(occurred_at) as last_seen
    from recent.fct_attempts
    where day > cast($today as date) - cast($days as integer) and day <= $today and grain is distinct from 'count'
    group by tenant_id, user_id
)
select
    *,
    count(*) over (partition by tenant_id) as users
from users
qualify row_number() over (
    partition by tenant_id
    order by cost_usd desc nulls last, attempts desc, user_id nulls last
) <= $rows
order by tenant_id nulls last, cost_usd desc nulls last, attempts desc, user_id nulls last
