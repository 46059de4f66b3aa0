-- One row per day of the window that ends today, also for days without traffic (0).
with days as (
    select cast($today as date) - n::integer as day
    from range(cast($days as bigint)) as window_days (n)
)
select
    days.day,
    coalesce(sum(savings.actual_cost_usd), 0) as actual_cost_usd,
    coalesce(sum(savings.baseline_cost_usd), 0) as baseline_cost_usd,
    coalesce(sum(savings.saved_usd), 0) as saved_usd,
    coalesce(sum(savings.unpriced_attempts), 0) as unpriced_attempts
from days
left join marts.routing_savings_daily as savings on savings.day = days.day
group by days.day
order by days.day
