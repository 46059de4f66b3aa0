-- The newest and the costliest requests of each feature; is_newest and is_costliest say which list a row is in.
with ranked as (
    select
        *,
        row_number() over (partition by feature order by last_seen desc, request_id) as place_by_time,
        row_number() over (
            partition by feature
            order by cost_usd desc nulls last, last_seen desc, request_id
        ) as place_by_cost
    from marts.fct_requests
)
select
    feature,
    request_id,
    tenant_id,
    user_id,
    first_seen,
    last_seen,
    provider,
    model,
    final_status,
    attempts,
    retries,
    unpriced_attempts,
    prompt_tokens,
    completion_tokens,
    total_tokens,
    latency_ms_sum,
    cost_usd,
    wasted_cost_usd,
    place_by_time <= $per_list as is_newest,
    place_by_cost <= $per_list as is_costliest,
    place_by_time,
    place_by_cost
from ranked
where place_by_time <= $per_list or place_by_cost <= $per_list
order by feature nulls last, place_by_time
