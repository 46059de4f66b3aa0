-- Written last: what the marts were priced with, so that the next run sees what changed in the book.
-- depends_on: {{ ref('agg_daily') }}
-- depends_on: {{ ref('routing_savings_daily') }}
select kind, row_hash, provider, model, effective_from
from {{ ref('stg_pricing__reference_rows') }}
