-- One row per provider and model: what the gateway says it cost beside what we compute, over attempts that have both.
-- gap_usd is ours minus theirs.
select
    provider,
    model,
    sum(attempts) as attempts,
    sum(compared_attempts) as compared_attempts,
    sum(computed_usd) as computed_usd,
    sum(reported_usd) as reported_usd,
    sum(gap_usd) as gap_usd,
    sum(only_computed_attempts) as only_computed_attempts,
    sum(only_reported_attempts) as only_reported_attempts
from summary.calls
group by provider, model
having sum(reported_attempts) > 0
order by abs(sum(gap_usd)) desc nulls last, provider, model
