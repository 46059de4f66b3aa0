-- The newest and the costliest requests of each feature; place_by_time and place_by_cost say where a row stands in
-- each list (NULL: not in it), place where it stands among all requests by cost (NULL: further down than a list is long). The bounds of each list are looked for first, in three columns: whoever ranks
-- all requests there ever were pays for it in every report.
with bounds as (
    select
        feature,
        list_min(max(coalesce(cost_usd, -1), $costliest)) as least_cost,
        list_min(max(last_seen, $newest)) as since
    from marts.fct_requests
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
    from marts.fct_requests as requests
    inner join bounds on bounds.feature is not distinct from requests.feature
        and (coalesce(requests.cost_usd, -1) >= bounds.least_cost or requests.last_seen >= bounds.since)
),

placed as (
    select
        *,
        row_number() over (order by cost_usd desc nulls last, last_seen desc, request_id) as place,
        row_number() over (partition by feature order by last_seen desc, request_id) as place_by_time,
        row_number() over (
            partition by feature
            order by cost_usd desc nulls last, last_seen desc, request_id
        ) as place_by_cost
    from listed
)
select
    * replace (
        case when place <= $costliest then place end as place,
        case when place_by_time <= $newest then place_by_time end as place_by_time,
        case when place_by_cost <= $costliest then place_by_cost end as place_by_cost
    )
from placed
where place_by_time <= $newest or place_by_cost <= $costliest
order by feature nulls last, last_seen desc, request_id
