-- depends_on: {{ source('landing', 'litellm_payload') }}
with landed as (

    select * from {{ landing('litellm_payload') }}
    where file_id not in (select file_id from {{ landed_reference('withdrawn_files') }})

)

select
    {{ landed_attempt_columns() }},
    2 as source_rank,
    -- A hit of LiteLLM's response cache replays the tokens of the first answer; a failure without output and without
    -- spend carries estimates. Nobody billed either.
    {{ was_billed() }} as is_billed

from landed
