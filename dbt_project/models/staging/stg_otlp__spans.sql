-- depends_on: {{ source('landing', 'otlp') }}
with landed as (

    select * from {{ landing('otlp') }}
    where file_id not in (select file_id from {{ landed_reference('withdrawn_files') }})

)

select
    {{ landed_attempt_columns() }},
    4 as source_rank,
    -- As in LiteLLM's payload. The conventions do not tell an answer of a gateway's cache from a provider's.
    {{ was_billed() }} as is_billed

from landed
