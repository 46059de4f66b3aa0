-- One row per hour of the window that ends with the hour of as_of, also for hours without traffic (0). A slot takes
-- every rollup hour that starts in it, so that a zone that shifts by half an hour loses nothing.
with slots as (
    select cast($last_hour as timestamptz) - to_hours(n) as hour
    from range(cast($hours as bigint)) as window_hours (n)
),

-- Added up before they meet the slots: a join on a range tries every row with every slot.
traffic as (
    select
        hour,
        sum(prompt_tokens) as prompt_tokens,
        sum(completion_tokens) as completion_tokens,
        sum(attempts) as attempts
    from recent.agg_hourly
    where hour > cast($last_hour as timestamptz) - to_hours(cast($hours as bigint))
        and hour < cast($last_hour as timestamptz) + to_hours(1)
    group by hour
)

select
    slots.hour,
    coalesce(sum(traffic.prompt_tokens), 0) as prompt_tokens,
    coalesce(sum(traffic.completion_tokens), 0) as completion_tokens,
    coalesce(sum(traffic.attempts), 0) as attempts
from slots
left join traffic on traffic.hour >= slots.hour and traffic.hour < slots.hour + to_hours(1)
group by slots.hour
order by slots.hour
