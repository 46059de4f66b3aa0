-- One row per day of the window that ends today, also for days without traffic (0). cost_usd is NULL on a day whose
-- every attempt lacks a price.
with days as (
    select cast($today as date) - n::integer as day
    from range(cast($days as bigint)) as window_days (n)
),

-- Added up before it meets the days: a row for each of them instead of one for each cell goes through the join.
spent as (
    select
        day,
        sum(cost_usd) as cost_usd,
        sum(requests) as requests,
        sum(attempts) as attempts,
        sum(unpriced_attempts) as unpriced_attempts,
        sum(prompt_tokens) as prompt_tokens,
        sum(completion_tokens) as completion_tokens
    from recent.agg_daily
    where day > cast($today as date) - cast($days as integer) and day <= $today
    group by day
)

select
    days.day,
    case when spent.day is null then 0 else spent.cost_usd end as cost_usd,
    coalesce(spent.requests, 0) as requests,
    coalesce(spent.attempts, 0) as attempts,
    coalesce(spent.unpriced_attempts, 0) as unpriced_attempts,
    coalesce(spent.prompt_tokens, 0) as prompt_tokens,
    coalesce(spent.completion_tokens, 0) as completion_tokens
from days
left join spent on spent.day = days.day
order by days.day
