{{ config(materialized='table') }}

{#-
  All matching is done here, on the few distinct keys, so that pricing an attempt is one equality and two ranges however
  long the book grows. A key is matched exactly, else by a dated alias, else by an alias plus date suffix, else by the
  provider's '*' row; a region without rows of its own takes the default. A tier never falls back: batch at the standard
  price would be a wrong number, unpriced is an honest one.
-#}
with keys as (

    select distinct
        coalesce(provider, '') as provider,
        coalesce(model, '') as model,
        {{ canonical_region('region') }} as region,
        {{ canonical_tier('service_tier') }} as service_tier
    from {{ ref('int_attempts__unified') }}

    union

    select distinct baseline_provider, baseline_model, 'default', 'standard'
    from {{ ref('int_attempts__baselines') }}

),

versions as (

    select * from {{ ref('int_prices__versions') }}

),

spans as (

    select distinct
        price_id, provider, model, region, service_tier, window_key, valid_from, valid_to
    from versions

),

alias_words as (

    select *
    from {{ ref('stg_pricing__aliases') }}
    qualify row_number() over (
        partition by provider, alias, match, effective_from
        order by recorded_at desc
    ) = 1

),

aliases as (

    select
        provider,
        alias,
        match,
        model,
        effective_from as valid_from,
        lead(effective_from, 1, {{ instant_literal('9999-12-31 00:00:00+00') }}) over (
            partition by provider, alias, match
            order by effective_from
        ) as valid_to
    from alias_words
    where status = 'active'

),

names as (

    select
        keys.*, keys.model as billed_model, 1 as match_rank,
        {{ instant_literal('0001-01-01 00:00:00+00') }} as named_from, {{ instant_literal('9999-12-31 00:00:00+00') }} as named_to
    from keys

    union all

    select
        keys.*, aliases.model as billed_model,
        case when aliases.match = 'exact' then 2 else 3 end as match_rank,
        aliases.valid_from as named_from, aliases.valid_to as named_to
    from keys
    inner join aliases
        on keys.provider = aliases.provider
        and (
            keys.model = aliases.alias
            or aliases.match = 'date_suffix' and {{ has_date_suffix('keys.model', 'aliases.alias') }}
        )

    union all

    select
        keys.*, '*' as billed_model, 4 as match_rank,
        {{ instant_literal('0001-01-01 00:00:00+00') }} as named_from, {{ instant_literal('9999-12-31 00:00:00+00') }} as named_to
    from keys

),

candidates as (

    select
        names.provider, names.model, names.region, names.service_tier,
        spans.window_key,
        spans.price_id,
        spans.valid_from as version_from,
        names.match_rank,
        case when spans.region = names.region then 1 else 2 end as region_rank,
        greatest(names.named_from, spans.valid_from) as valid_from,
        least(names.named_to, spans.valid_to) as valid_to
    from names
    inner join spans
        on names.provider = spans.provider
        and names.billed_model = spans.model
        and names.service_tier = spans.service_tier
        and (spans.region = names.region or spans.region = 'default')
        and names.named_from < spans.valid_to
        and names.named_to > spans.valid_from

),

-- Cut the key's timeline where any candidate starts or ends, and let the nearest one have each piece: the pieces are
-- disjoint, so an attempt meets exactly one plain row. A time-of-day window counts only where it is as near as the
-- nearest row: the window of an alias or of the default region never beats a price of the model's or region's own.
cuts as (

    select provider, model, region, service_tier, valid_from as cut from candidates
    union
    select provider, model, region, service_tier, valid_to as cut from candidates

),

pieces as (

    select
        provider, model, region, service_tier,
        cut as valid_from,
        lead({{ optional('cut') }}) over (partition by provider, model, region, service_tier order by cut) as valid_to
    from cuts

),

graded as (

    select
        pieces.*,
        candidates.window_key,
        candidates.price_id,
        candidates.version_from,
        candidates.match_rank,
        10 * candidates.match_rank + candidates.region_rank as distance,
        row_number() over (
            partition by
                pieces.provider, pieces.model, pieces.region, pieces.service_tier, pieces.valid_from,
                candidates.window_key
            order by
                candidates.match_rank, candidates.region_rank, candidates.version_from desc, candidates.price_id
        ) as place,
        min(10 * candidates.match_rank + candidates.region_rank) over (
            partition by pieces.provider, pieces.model, pieces.region, pieces.service_tier, pieces.valid_from
        ) as nearest
    from pieces
    inner join candidates
        using (provider, model, region, service_tier)
    where pieces.valid_to is not null
        and candidates.valid_from <= pieces.valid_from
        and candidates.valid_to > pieces.valid_from

),

chosen as (

    select *
    from graded
    where place = 1 and (window_key = '' or distance = nearest)

),

windows as (

    select distinct price_id, {{ split_rows('window_minutes') }} as minutes
    from versions
    where window_key != ''

)

select
    row_number() over (
        order by
            chosen.provider, chosen.model, chosen.region, chosen.service_tier, chosen.window_key,
            chosen.valid_from, versions.min_context_tokens, windows.minutes
    ) as price_row,
    chosen.provider as provider,
    chosen.model as model,
    chosen.region as region,
    chosen.service_tier as service_tier,
    chosen.valid_from as valid_from,
    chosen.valid_to as valid_to,
    chosen.window_key != '' as is_windowed,
    cast({{ part_of('windows.minutes', '-', 1) }} as integer) as window_start_minute,
    cast({{ part_of('windows.minutes', '-', 2) }} as integer) as window_end_minute,
    versions.window_timezone as window_timezone,
    versions.window_weekdays as window_weekdays,
    versions.window_exclude_dates as window_exclude_dates,
    case chosen.match_rank
        when 1 then 'exact' when 2 then 'alias' when 3 then 'date_suffix' else 'any_model'
    end as matched_by,
    versions.price_id as price_id,
    versions.currency as currency,
    versions.min_context_tokens as min_context_tokens,
    versions.max_context_tokens as max_context_tokens,
    {% for component in token_components() -%}
    versions.{{ component }}_rate as {{ component }}_rate,
    {% endfor -%}
    {% for count, fee in unit_components() -%}
    versions.{{ fee }}_fee as {{ fee }}_fee,
    versions.{{ fee }}_per as {{ fee }}_per,
    versions.{{ fee }}_minimum_units as {{ fee }}_minimum_units,
    {% endfor -%}
    (
        {% for component in token_components() -%}
        coalesce(versions.{{ component }}_rate, 0) = 0 and
        {% endfor -%}
        {% for count, fee in unit_components() -%}
        coalesce(versions.{{ fee }}_fee, 0) = 0{% if not loop.last %} and{% endif %}
        {% endfor -%}
    ) as is_free
from chosen
inner join versions on chosen.price_id = versions.price_id and chosen.version_from = versions.valid_from
left join windows on chosen.price_id = windows.price_id
