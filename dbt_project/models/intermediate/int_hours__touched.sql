{{ config(materialized='table') }}

{%- set rebuild_everything = rebuild_all() if execute else false %}
{%- set fct_attempts = published('marts', 'fct_attempts') %}
{%- set applied_reference = published('ingest', 'applied_reference') %}
{%- set nothing_published = no_rows({
    'hour': 'timestamptz', 'occurred_at': 'timestamptz', 'request_id': 'varchar', 'provider': 'varchar',
    'model': 'varchar', 'baseline_provider': 'varchar', 'baseline_model': 'varchar', 'price_currency': 'varchar',
    'book_as_of': 'timestamptz',
}) %}

with context as (

    select rebuild_from, rebuild_to, reprice_from, reprice_to, book_as_of from {{ ref('stg_run__context') }}

),

landed as (

    {% for source in attempt_sources() -%}
    select occurred_at from {{ ref(source.model) }}
    where {{ is_open('occurred_at') }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

newly_landed as (

    {% for source in attempt_sources() -%}
    select occurred_at, request_id from {{ landing(source.table, newer_than_applied=true) }}
    where {{ is_open('occurred_at') }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

{% if rebuild_everything %}

touched as (

    select {{ hour_start('occurred_at') }} as hour, 'rebuild' as why from landed
    {%- if fct_attempts %}

    union all

    -- Hours that were published and have no event any more must become empty.
    select hour, 'rebuild' as why from {{ fct_attempts }}
    where {{ is_open('occurred_at') }}
    {%- endif %}

)

{% else %}

reference_now as (

    select kind, row_hash, provider, model, effective_from from {{ ref('stg_pricing__reference_rows') }}

),

reference_before as (

    select kind, row_hash, provider, model, effective_from
    from {{ applied_reference or ref('stg_pricing__reference_rows') }}

),

changed_reference as (

    (select * from reference_now except select * from reference_before)
    union
    (select * from reference_before except select * from reference_now)

),

-- Names under which attempts may carry a model whose price changed: its own, and its aliases.
changed_names as (

    select provider, model, effective_from from changed_reference
    where provider is not null

    union

    select aliases.provider, aliases.alias, changed_reference.effective_from
    from changed_reference
    inner join {{ ref('stg_pricing__aliases') }} as aliases
        on changed_reference.provider = aliases.provider and changed_reference.model = aliases.model

),

published_attempts as {{ inlined() }} (

    select
        hour, occurred_at, request_id, provider, model, baseline_provider, baseline_model, price_currency, book_as_of
    from {{ fct_attempts or nothing_published }}
    where {{ is_open('occurred_at') }}

),

-- A re-pricing that was asked for reaches the attempts of its range alone.
repriceable_attempts as {{ inlined() }} (

    select published_attempts.*
    from published_attempts
    cross join context
    where context.reprice_from is null
        or published_attempts.occurred_at >= context.reprice_from
        and published_attempts.occurred_at < context.reprice_to

),

touched as (

    select {{ hour_start('occurred_at') }} as hour, 'new' as why
    from newly_landed

    union all

    -- Another attempt of a published request may renumber it, or move its first attempt to another hour.
    select published_attempts.hour, 'same_request' as why
    from published_attempts
    where published_attempts.request_id in (select request_id from newly_landed)

    union all

    select repriceable_attempts.hour, 'price' as why
    from repriceable_attempts
    inner join changed_names
        on (
            repriceable_attempts.provider = changed_names.provider
            and ({{ begins_with('repriceable_attempts.model', 'changed_names.model') }} or changed_names.model = '*')
            or repriceable_attempts.baseline_provider = changed_names.provider
            and ({{ begins_with('repriceable_attempts.baseline_model', 'changed_names.model') }} or changed_names.model = '*')
        )
        and repriceable_attempts.occurred_at >= changed_names.effective_from

    union all

    select repriceable_attempts.hour, 'fx' as why
    from repriceable_attempts
    inner join changed_reference
        on changed_reference.kind = 'fx'
        and repriceable_attempts.price_currency = changed_reference.model
        and repriceable_attempts.occurred_at >= changed_reference.effective_from

    union all

    select repriceable_attempts.hour, 'reference' as why
    from repriceable_attempts
    where exists (
        select 1 from changed_reference where kind in ('baseline', 'local_provider')
    )

    union all

    -- Priced with the book of another instant, on request: that is no difference between the books of today.
    select repriceable_attempts.hour, 'book_as_of' as why
    from repriceable_attempts
    cross join context
    where context.reprice_from is not null
        and repriceable_attempts.book_as_of is not null
        and repriceable_attempts.book_as_of is distinct from context.book_as_of

    union all

    select {{ hour_start('landed.occurred_at') }} as hour, 'asked_for' as why
    from landed
    cross join context
    where landed.occurred_at >= context.rebuild_from and landed.occurred_at < context.rebuild_to

    union all

    select published_attempts.hour, 'asked_for' as why
    from published_attempts
    cross join context
    where published_attempts.occurred_at >= context.rebuild_from
        and published_attempts.occurred_at < context.rebuild_to

)

{% endif %}

select hour, {{ distinct_list('why') }} as why
from touched
group by hour
