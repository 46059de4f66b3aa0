-- One row per provider, model, basis of the cost and reason for having none: what pages ask of every attempt there is.
-- Rows of several files may be added up. `why` is NULL for attempts with a cost, and for counts of plain logs.
with explained as (
    select
        *,
        case
            when cost_usd is not null or grain is not distinct from 'count' then null
            when cost_basis <> 'unpriced' then replace(cost_basis, '_', ' ')
            when price_id is null then 'no price'
            when prompt_tokens is null and completion_tokens is null then 'no tokens reported'
            else 'a rate is missing'
        end as why
    from {source}
)

select
    provider,
    model,
    cost_basis,
    why,
    count(*) as attempts,
    coalesce(sum(total_tokens), 0)::bigint as tokens,
    coalesce(sum(retries) filter (where not (grain = 'attempt' and attempt > 1)), 0)::bigint as retries_inside,
    min(hour) as first_hour,
    min(occurred_at) as first_seen,
    max(occurred_at) as last_seen,
    count(reported_cost_usd) as reported_attempts,
    count(*) filter (where cost_usd is not null and reported_cost_usd is not null) as compared_attempts,
    count(*) filter (where cost_usd is not null and reported_cost_usd is null) as only_computed_attempts,
    count(*) filter (where cost_usd is null and reported_cost_usd is not null) as only_reported_attempts,
    sum(cost_usd) filter (where reported_cost_usd is not null) as computed_usd,
    sum(reported_cost_usd) filter (where cost_usd is not null) as reported_usd,
    sum(cost_usd - reported_cost_usd) as gap_usd
from explained
group by provider, model, cost_basis, why
