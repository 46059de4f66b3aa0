-- depends_on: {{ source('landing', 'run_context') }}
select as_of, is_sample, timezone, rebuild_from, rebuild_to
from {{ landed_reference('run_context') }}
