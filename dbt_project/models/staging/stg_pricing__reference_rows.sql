with prices as (

    select distinct 'price' as kind, row_hash, provider, model, effective_from
    from {{ ref('stg_pricing__prices') }}

),

aliases as (

    select 'alias' as kind, row_hash, provider, alias as model, effective_from
    from {{ ref('stg_pricing__aliases') }}

    union all

    select 'alias' as kind, row_hash, provider, model, effective_from
    from {{ ref('stg_pricing__aliases') }}

),

estimates as (

    select 'estimate' as kind, row_hash, provider, model, effective_from
    from {{ ref('stg_pricing__estimates') }}

),

baselines as (

    select
        'baseline' as kind,
        {{ short_hash(joined_text('|', ['rule_no', 'model_requested', 'feature', 'baseline_provider', 'baseline_model'])) }} as row_hash,
        cast(null as varchar) as provider,
        cast(null as varchar) as model,
        cast(null as {{ engine_type('timestamptz') }}) as effective_from
    from {{ ref('stg_pricing__baselines') }}

),

local_providers as (

    select
        'local_provider' as kind,
        provider as row_hash,
        cast(null as varchar) as provider,
        cast(null as varchar) as model,
        cast(null as {{ engine_type('timestamptz') }}) as effective_from
    from {{ ref('stg_pricing__local_providers') }}

),

discounts as (

    select 'discount' as kind, row_hash, provider, model, effective_from
    from {{ ref('stg_pricing__discounts') }}

),

fx_rates as (

    select
        'fx' as kind,
        row_hash,
        cast(null as varchar) as provider,
        currency as model,
        cast(valid_from as {{ engine_type('timestamptz') }}) as effective_from
    from {{ ref('stg_pricing__fx_rates') }}

)

select * from prices
union all
select * from discounts
union all
select * from fx_rates
union all
select * from aliases
union all
select * from estimates
union all
select * from baselines
union all
select * from local_providers
