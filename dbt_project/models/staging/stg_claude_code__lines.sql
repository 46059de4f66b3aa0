-- depends_on: {{ source('landing', 'claude_code') }}
with landed as (

    select * from {{ landing('claude_code') }}
    where file_id not in (select file_id from {{ landed_reference('withdrawn_files') }})

)

select
    {{ landed_attempt_columns() }},
    5 as source_rank,
    not (
        {{ is_failure('status') }}
        and coalesce(completion_tokens, 0) = 0 and coalesce(reported_cost_usd, 0) = 0
    ) as is_billed

from landed
