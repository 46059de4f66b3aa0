-- Cost of the 7 days before the last 7, up to the same hour of the clock, so that a day that is not over is not
-- compared with a whole one. Hours are local clock hours.
select
    case when coalesce(sum(attempts), 0) = 0 then 0 else sum(cost_usd) end as cost_usd,
    coalesce(sum(unpriced_attempts), 0) as unpriced_attempts
from recent.agg_hourly
where hour >= cast($as_of as timestamptz) - to_days(16) -- on the column itself, so that older files stay closed
  and timezone($timezone, hour) >= cast(cast($today as date) - 13 as timestamp)
  and timezone($timezone, hour) <= date_trunc('hour', timezone($timezone, cast($as_of as timestamptz))) - to_days(7)
