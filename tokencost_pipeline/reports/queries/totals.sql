-- Everything in the warehouse in one row. cost_usd is the sum of the known costs: NULL when no attempt has one.
select
    case when coalesce(sum(attempts), 0) = 0 then 0 else sum(cost_usd) end as cost_usd,
    coalesce(sum(attempts), 0) as attempts,
    coalesce(sum(requests), 0) as requests,
    coalesce(sum(requests) filter (where provider = 'anthropic'), 0) as anthropic_requests,
    coalesce(sum(requests) filter (where is_local), 0) as local_requests,
    coalesce(sum(unpriced_attempts), 0) as unpriced_attempts,
    coalesce(sum(estimated_attempts), 0) as estimated_attempts,
    coalesce(sum(estimated_cost_usd), 0) as estimated_cost_usd,
    coalesce(sum(prompt_tokens), 0) as prompt_tokens,
    coalesce(sum(completion_tokens), 0) as completion_tokens,
    coalesce(sum(total_tokens), 0) as total_tokens,
    coalesce(sum(retries), 0) as retries,
    coalesce(sum(cache_hits), 0) as cache_hits,
    coalesce(sum(failures), 0) as failures,
    min(first_day) as first_day,
    max(last_day) as last_day
from marts.agg_all_time
