-- How much of the time from the first day to today has any traffic, and how much of the traffic has a cost.
select
    min(day) as first_day,
    max(day) as last_day,
    count(distinct day) as days_with_traffic,
    cast($today as date) - min(day) + 1 as days,
    coalesce(sum(attempts), 0) as attempts,
    coalesce(sum(attempts), 0) - coalesce(sum(unpriced_attempts), 0) as priced_attempts
from summary.days
where day <= $today
