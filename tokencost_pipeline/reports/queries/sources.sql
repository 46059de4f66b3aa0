-- One row per format: everything that was ever read of it.
select
    source,
    count(distinct path) as files,
    sum(bytes_read) as bytes_read,
    sum(lines) as lines,
    sum(events) as events,
    sum(duplicates) as duplicates,
    sum(conflicts) as conflicts,
    sum(quarantined) as quarantined,
    sum(ignored) as ignored,
    max(last_read_at) as last_read_at
from ingest.files
group by source
order by source
