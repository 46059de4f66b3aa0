-- One row per hour of the window that ends with the hour of as_of, also for hours without traffic (0). A slot takes
-- every rollup hour that starts in it, so that a zone that shifts by half an hour loses nothing.
with slots as (
    select cast($last_hour as timestamptz) - to_hours(n) as hour
    from range(cast($hours as bigint)) as window_hours (n)
)
select
    slots.hour,
    coalesce(sum(agg.prompt_tokens), 0) as prompt_tokens,
    coalesce(sum(agg.completion_tokens), 0) as completion_tokens,
    coalesce(sum(agg.attempts), 0) as attempts
from slots
left join marts.agg_hourly as agg on agg.hour >= slots.hour and agg.hour < slots.hour + to_hours(1)
group by slots.hour
order by slots.hour
