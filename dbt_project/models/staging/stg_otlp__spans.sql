-- depends_on: {{ source('landing', 'otlp') }}
with landed as (

    select * from {{ landing('otlp') }}
    where file_id not in (select file_id from {{ landed_reference('withdrawn_files') }})

)

select
    {{ landed_attempt_columns() }},
    4 as source_rank,
    -- As in LiteLLM's payload. The conventions do not tell an answer of a gateway's cache from a provider's.
    not (
        coalesce(cache_hit, false)
        or (
            {{ is_failure('status') }}
            and coalesce(completion_tokens, 0) = 0 and coalesce(reported_cost_usd, 0) = 0
        )
    ) as is_billed

from landed
