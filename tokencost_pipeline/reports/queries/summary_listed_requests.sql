-- The newest and the costliest requests of each feature. Those of several files, asked again, are those of all rows.
-- The bounds of each list are looked for first, in three columns: whoever ranks all rows pays for it in every column.
with bounds as (
    select
        feature,
        list_min(max(coalesce(cost_usd, -1), {costliest})) as least_cost,
        list_min(max(last_seen, {newest})) as since
    from {source}
    group by feature
),

listed as (
    select
        requests.feature,
        requests.request_id,
        requests.tenant_id,
        requests.user_id,
        requests.first_seen,
        requests.last_seen,
        requests.provider,
        requests.model,
        requests.final_status,
        requests.attempts,
        requests.retries,
        requests.unpriced_attempts,
        requests.prompt_tokens,
        requests.completion_tokens,
        requests.total_tokens,
        requests.prompt_share,
        requests.latency_ms_sum,
        requests.cost_usd,
        requests.wasted_cost_usd
    from {source} as requests
    inner join bounds on bounds.feature is not distinct from requests.feature
        and (coalesce(requests.cost_usd, -1) >= bounds.least_cost or requests.last_seen >= bounds.since)
)

select *
from listed
qualify row_number() over (partition by feature order by last_seen desc, request_id) <= {newest}
    or row_number() over (partition by feature order by cost_usd desc nulls last, last_seen desc, request_id) <= {costliest}
