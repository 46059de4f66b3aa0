-- The newest and the costliest requests of each feature; place_by_time and place_by_cost say where a row stands in
-- each list (NULL: not in it), place where it stands among all requests by cost (NULL: further down than a list is
-- long). The costliest of all are among the costliest of their features.
with placed as (
    select
        *,
        row_number() over (order by cost_usd desc nulls last, last_seen desc, request_id) as place,
        row_number() over (partition by feature order by last_seen desc, request_id) as place_by_time,
        row_number() over (
            partition by feature
            order by cost_usd desc nulls last, last_seen desc, request_id
        ) as place_by_cost
    from summary.listed_requests
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
