-- One row per provider and model: what the gateway says it cost beside what we compute, over attempts that have both.
-- gap_usd is ours minus theirs.
select
    provider,
    model,
    count(*) as attempts,
    count(*) filter (where cost_usd is not null and reported_cost_usd is not null) as compared_attempts,
    sum(cost_usd) filter (where reported_cost_usd is not null) as computed_usd,
    sum(reported_cost_usd) filter (where cost_usd is not null) as reported_usd,
    sum(cost_usd - reported_cost_usd) as gap_usd,
    count(*) filter (where cost_usd is not null and reported_cost_usd is null) as only_computed_attempts,
    count(*) filter (where cost_usd is null and reported_cost_usd is not null) as only_reported_attempts
from marts.fct_attempts
group by provider, model
having count(reported_cost_usd) > 0
order by abs(sum(cost_usd - reported_cost_usd)) desc nulls last, provider, model
