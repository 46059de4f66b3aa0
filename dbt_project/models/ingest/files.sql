-- depends_on: {{ source('landing', 'events') }}
select
    path, source, generation, bytes_read, lines, events, duplicates, conflicts, quarantined, ignored,
    last_read_at, file_id
from {{ landed_ledger() }}
