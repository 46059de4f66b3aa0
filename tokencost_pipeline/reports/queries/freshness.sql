-- The first and the newest event, and when raw files were last read. Where the attempts of the first hours are gone
-- (retention), the first hour of the rollups stands for the first event.
with attempts as (
    select min(first_hour) as first_hour, min(first_seen) as first_event, max(last_seen) as newest_event
    from summary.calls
),
rollups as (
    select min(first_hour) as first_hour, max(last_hour) as last_hour from summary.hours
)
select
    case
        when attempts.first_hour <= rollups.first_hour then attempts.first_event
        else coalesce(rollups.first_hour, attempts.first_event)
    end as first_event,
    coalesce(attempts.newest_event, rollups.last_hour) as newest_event,
    (select max(last_read_at) from ingest.files) as last_read_at
from attempts
cross join rollups
