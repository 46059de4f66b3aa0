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
        kinds.*,
        rules.rule_no,
        rules.baseline_provider,
        rules.baseline_model
    from kinds
    left join {{ ref('stg_pricing__baselines') }} as rules
        on (
            rules.model_requested = kinds.model_requested
            or rules.model_requested = '*' and kinds.is_local
        )
        and (rules.feature = '*' or rules.feature = kinds.feature)
    qualify row_number() over (
        partition by kinds.provider, kinds.model, kinds.model_requested, kinds.feature
        order by rules.rule_no nulls last
    ) = 1

)

select
    provider,
    model,
    model_requested,
    feature,
    is_local,
    coalesce(baseline_provider, provider) as baseline_provider,
    coalesce(baseline_model, model) as baseline_model,
    (baseline_model is null or (baseline_provider = provider and baseline_model = model)) as is_as_served
from ruled
