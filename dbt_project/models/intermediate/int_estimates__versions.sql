with newest_word as (

    select *
    from {{ ref('stg_pricing__estimates') }}
    qualify row_number() over (
        partition by provider, model, effective_from
        order by recorded_at desc
    ) = 1

)

select
    provider,
    model,
    currency,
    cost_per_request,
    method,
    effective_from as valid_from,
    lead(effective_from, 1, {{ instant_literal('9999-12-31 00:00:00+00') }}) over (
        partition by provider, model
        order by effective_from
    ) as valid_to
from newest_word
