-- depends_on: {{ source('landing', 'litellm_log') }}
-- Counts are facts once and for all: no price and no other row can change one, so they are added and never recomputed.
{%- set anew = rebuild_all() if execute else false %}

with landed as (

    select * from {{ landing('litellm_log', newer_than_applied=not anew) }}
    where file_id not in (select file_id from {{ landed_reference('withdrawn_files') }})

)

select
    {{ landed_attempt_columns() }},
    6 as source_rank,
    cast(null as boolean) as is_billed
from landed
