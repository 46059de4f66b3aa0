-- depends_on: {{ source('landing', 'events') }}
with landed as (

    select * from {{ landing('events') }}
    where file_id not in (select file_id from {{ landed_reference('withdrawn_files') }})

)

select
    {{ landed_attempt_columns() }},
    1 as source_rank,
    -- The gateway states what was used, so tokens of a failed attempt are billed; an answer from the gateway's own
    -- cache is not, unless the gateway says that it cost something.
    not (
        (coalesce(cache_hit, false) and coalesce(reported_cost_usd, 0) = 0)
        or (
            {{ is_failure('status') }}
            and coalesce(prompt_tokens, 0) = 0 and coalesce(completion_tokens, 0) = 0
            and coalesce(reported_cost_usd, 0) = 0
        )
    ) as is_billed

from landed
