-- One row per provider and model that served, dearest first. cost_usd is NULL when no attempt of it has a price; *_7d
-- is the last 7 days.
with ever as (
    select
        model,
        provider,
        bool_or(not coalesce(is_local, false)) as is_paid,
        sum(cost_usd) as cost_usd,
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
        min(first_day) as first_day,
        max(last_day) as last_day
    from marts.agg_all_time
    group by model, provider
),

week as (
    select model, provider, sum(cost_usd) as cost_usd, sum(attempts) as attempts
    from recent.agg_daily
    where day > cast($today as date) - 7 and day <= $today
    group by model, provider
)

select
    ever.model,
    ever.provider,
    ever.is_paid,
    ever.cost_usd,
    case when week.attempts is null then 0 else week.cost_usd end as cost_7d_usd,
    ever.unpriced_attempts,
    ever.requests,
    ever.attempts,
    ever.prompt_tokens,
    ever.completion_tokens,
    ever.cache_read_tokens,
    ever.latency_ms_sum,
    ever.latency_count,
    ever.retries,
    ever.failures,
    ever.first_day,
    ever.last_day
from ever
left join week on week.model is not distinct from ever.model
    and week.provider is not distinct from ever.provider
order by ever.cost_usd desc nulls last, ever.attempts desc, ever.provider nulls last, ever.model nulls last
