-- One row per day of the window that ends today, also for days without traffic (0). cost_usd is NULL on a day whose
-- every attempt lacks a price.
with days as (
    select cast($today as date) - n::integer as day
    from range(cast($days as bigint)) as window_days (n)
)
select
    days.day,
    case when count(agg.day) = 0 then 0 else sum(agg.cost_usd) end as cost_usd,
    coalesce(sum(agg.requests), 0) as requests,
    coalesce(sum(agg.attempts), 0) as attempts,
    coalesce(sum(agg.unpriced_attempts), 0) as unpriced_attempts,
    coalesce(sum(agg.prompt_tokens), 0) as prompt_tokens,
    coalesce(sum(agg.completion_tokens), 0) as completion_tokens
from days
left join marts.agg_daily as agg on agg.day = days.day
    and agg.day > cast($today as date) - cast($days as integer) and agg.day <= $today
group by days.day
order by days.day
