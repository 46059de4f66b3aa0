-- depends_on: {{ source('landing', 'litellm_spend_logs') }}
with landed as (

    select * from {{ landing('litellm_spend_logs') }}
    where file_id not in (select file_id from {{ landed_reference('withdrawn_files') }})

)

select
    {{ landed_attempt_columns() }},
    3 as source_rank,
    -- As in the payload: cache hits and failures without output were not billed. A stream that broke half way is a
    -- failure with output or spend, and is billed.
    {{ was_billed() }} as is_billed

from landed
