{{ config(materialized='table') }}

{#- As with prices: settled on the few distinct keys, so that an attempt meets at most one discount. -#}
with keys as (

    select distinct
        coalesce(provider, '') as provider,
        coalesce(model, '') as model,
        coalesce(tenant_id, '') as tenant_id
    from {{ ref('int_attempts__unified') }}

),

candidates as (

    select
        keys.*,
        discounts.discount_id,
        discounts.factor,
        discounts.effective_from,
        discounts.effective_to,
        -- The narrower agreement wins: the tenant's own before the model's before the provider's.
        case when discounts.tenant_id = '*' then 2 else 0 end
            + case when discounts.model = '*' then 1 else 0 end as distance
    from keys
    inner join {{ ref('stg_pricing__discounts') }} as discounts
        on keys.provider = discounts.provider
        and (discounts.model = '*' or discounts.model = keys.model)
        and (discounts.tenant_id = '*' or discounts.tenant_id = keys.tenant_id)

),

cuts as (

    select provider, model, tenant_id, effective_from as cut from candidates
    union
    select provider, model, tenant_id, effective_to as cut from candidates

),

pieces as (

    select
        provider, model, tenant_id,
        cut as valid_from,
        lead({{ optional('cut') }}) over (partition by provider, model, tenant_id order by cut) as valid_to
    from cuts

)

select
    pieces.provider,
    pieces.model,
    pieces.tenant_id,
    pieces.valid_from,
    pieces.valid_to,
    candidates.discount_id,
    candidates.factor
from pieces
inner join candidates
    using (provider, model, tenant_id)
where pieces.valid_to is not null
    and candidates.effective_from <= pieces.valid_from
    and candidates.effective_to > pieces.valid_from
qualify row_number() over (
    partition by pieces.provider, pieces.model, pieces.tenant_id, pieces.valid_from
    order by candidates.distance, candidates.discount_id
) = 1
