{{ config(materialized='table') }}

with kinds as (

    select distinct
        coalesce(attempts.provider, '') as provider,
        coalesce(attempts.model, '') as model,
        coalesce(attempts.model_requested, '') as model_requested,
        coalesce(attempts.feature, '') as feature,
        local_providers.provider is not null as is_local
    from {{ ref('int_attempts__unified') }} as attempts
    left join {{ ref('stg_pricing__local_providers') }} as local_providers
        on attempts.provider = local_providers.provider

),

-- The first rule that matches says what the call would have been served by. The rule for "any model" speaks of local
-- models only: a paid call without a rule of its own is compared with itself.
ruled as (

    select
        kinds.provider,
        kinds.model,
        kinds.model_requested,
        kinds.feature,
        rules.baseline_provider,
        rules.baseline_model
    from kinds
    cross join {{ ref('stg_pricing__baselines') }} as rules
    where (
        rules.model_requested = kinds.model_requested
        or rules.model_requested = '*' and kinds.is_local
    )
    and (rules.feature = '*' or rules.feature = kinds.feature)
    qualify row_number() over (
        partition by kinds.provider, kinds.model, kinds.model_requested, kinds.feature
        order by rules.rule_no
    ) = 1

)

select
    kinds.provider,
    kinds.model,
    kinds.model_requested,
    kinds.feature,
    kinds.is_local,
    coalesce(ruled.baseline_provider, kinds.provider) as baseline_provider,
    coalesce(ruled.baseline_model, kinds.model) as baseline_model,
    (
        ruled.baseline_model is null
        or (ruled.baseline_provider = kinds.provider and ruled.baseline_model = kinds.model)
    ) as is_as_served
from kinds
left join ruled
    on kinds.provider = ruled.provider
    and kinds.model = ruled.model
    and kinds.model_requested = ruled.model_requested
    and kinds.feature = ruled.feature
