select as_of, is_sample, timezone
from {{ ref('stg_run__context') }}
