-- One row per model name: attempts, requests that began with it, known cost, and whether anybody was paid for it.
select
    model,
    sum(attempts) as count,
    sum(requests) as requests,
    sum(cost_usd) as cost,
    sum(unpriced_attempts) as unpriced_attempts,
    bool_or(not coalesce(is_local, false)) as is_paid
from marts.agg_all_time
group by model
order by cost desc nulls last, count desc, model nulls last
