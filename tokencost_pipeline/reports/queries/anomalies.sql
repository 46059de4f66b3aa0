-- Every incident, open ones first, then newest first.
select
    incident_id,
    opened_at,
    resolved_at,
    status,
    severity,
    rule,
    dimension,
    entity,
    day,
    window_from,
    window_to,
    actual_usd,
    expected_usd,
    excess_usd,
    ratio,
    score
from marts.anomalies
order by resolved_at is not null, opened_at desc, excess_usd desc nulls last, incident_id
