-- One row per provider and model that served, dearest first. cost_usd is NULL when no attempt of it has a price; *_7d
-- is the last 7 days.
select
    model,
    provider,
    bool_or(not coalesce(is_local, false)) as is_paid,
    sum(cost_usd) as cost_usd,
    case
        when count(*) filter (where day > cast($today as date) - 7 and day <= $today) = 0 then 0
        else sum(cost_usd) filter (where day > cast($today as date) - 7 and day <= $today)
    end as cost_7d_usd,
    sum(unpriced_attempts) as unpriced_attempts,
    sum(requests) as requests,
    sum(attempts) as attempts,
    sum(prompt_tokens) as prompt_tokens,
    sum(completion_tokens) as completion_tokens,
    sum(cache_read_tokens) as cache_read_tokens,
    sum(latency_ms_sum) as latency_ms_sum,
    sum(latency_count) as latency_count,
    sum(retries) as retries,
    sum(failures) as failures,
    min(day) as first_day,
    max(day) as last_day
from marts.agg_daily
group by model, provider
order by cost_usd desc nulls last, attempts desc, provider nulls last, model nulls last
