-- One row per provider, model and cause: what was billed beside what we compute, over the UTC days with an invoice.
-- gap_usd is invoiced minus the costs we know; the largest first.
select
    provider,
    model,
    cause,
    count(distinct day) as days,
    min(day) as first_day,
    max(day) as last_day,
    sum(invoiced_usd) as invoiced_usd,
    sum(computed_usd) as computed_usd,
    sum(gap_usd) as gap_usd,
    sum(reported_usd) as reported_usd,
    sum(attempts) as attempts,
    sum(unpriced_attempts) as unpriced_attempts
from marts.reconciliation
group by provider, model, cause
order by abs(sum(gap_usd)) desc nulls last, provider, model nulls last, cause
