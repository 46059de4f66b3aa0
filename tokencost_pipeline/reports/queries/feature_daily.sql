-- One row per day of the window and feature ever seen, also where there was no traffic (0). NULL features count as
-- one feature.
with days as (
    select cast($today as date) - n::integer as day
    from range(cast($days as bigint)) as window_days (n)
),
features as (
    select distinct feature from marts.agg_all_time
),
spent as (
    select
        day,
        feature,
        sum(cost_usd) as cost_usd,
        sum(requests) as requests,
        sum(attempts) as attempts,
        sum(unpriced_attempts) as unpriced_attempts
    from recent.agg_daily
    where day > cast($today as date) - cast($days as integer) and day <= $today
    group by day, feature
)
select
    days.day,
    features.feature,
    case when spent.day is null then 0 else spent.cost_usd end as cost_usd,
    coalesce(spent.requests, 0) as requests,
    coalesce(spent.attempts, 0) as attempts,
    coalesce(spent.unpriced_attempts, 0) as unpriced_attempts
from days
cross join features
left join spent on spent.day = days.day and spent.feature is not distinct from features.feature
order by days.day, features.feature
