-- Written last: what the marts were priced with, so that the next run sees what changed in the book. A re-pricing of
-- some hours leaves it as it was: the hours outside its range still wait for the change.
-- depends_on: {{ ref('agg_all_time') }}
-- depends_on: {{ ref('routing_savings_daily') }}
-- depends_on: {{ ref('stg_run__context') }}
{%- set applied = published('ingest', 'applied_reference') %}

select kind, row_hash, provider, model, effective_from
from {{ ref('stg_pricing__reference_rows') }}
{%- if applied %}
where (select reprice_from from {{ ref('stg_run__context') }}) is null

union all

select kind, row_hash, provider, model, effective_from
from {{ applied }}
where (select reprice_from from {{ ref('stg_run__context') }}) is not null
{%- endif %}
