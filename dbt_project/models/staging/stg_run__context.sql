-- depends_on: {{ source('landing', 'run_context') }}
select as_of, is_sample, timezone, rebuild_from, rebuild_to, run_at, reprice_from, reprice_to, book_as_of
from {{ landed_reference('run_context') }}
