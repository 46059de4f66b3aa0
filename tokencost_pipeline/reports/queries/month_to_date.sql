-- What this calendar month cost up to as_of, and the whole month before. cost is NULL when no attempt of it has a price.
select
    date_trunc('month', cast($today as date))::date as first_day,
    case when count(*) filter (where day >= date_trunc('month', cast($today as date))) = 0 then 0
        else sum(cost_usd) filter (where day >= date_trunc('month', cast($today as date)))
    end as cost_usd,
    coalesce(sum(unpriced_attempts) filter (where day >= date_trunc('month', cast($today as date))), 0)
        as unpriced_attempts,
    case when count(*) filter (where day < date_trunc('month', cast($today as date))) = 0 then 0
        else sum(cost_usd) filter (where day < date_trunc('month', cast($today as date)))
    end as before_usd
from recent.agg_daily
where day >= date_trunc('month', cast($today as date)) - to_months(1) and day <= $today
