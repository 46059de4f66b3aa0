-- The requests that get a page of their own: the costliest of all, and the costliest of each feature.
with ranked as (
    select
        *,
        row_number() over (order by cost_usd desc nulls last, last_seen desc, request_id) as place,
        row_number() over (
            partition by feature
            order by cost_usd desc nulls last, last_seen desc, request_id
        ) as place_in_feature
    from marts.fct_requests
)
select
    request_id,
    feature,
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
    prompt_share,
    latency_ms_sum,
    cost_usd,
    wasted_cost_usd,
    place
from ranked
where place <= $overall or place_in_feature <= $per_feature
order by place
