{#- A pure function of the rollups, the rules and the instant called now: running twice changes nothing. -#}

with context as (

    select as_of from {{ ref('stg_run__context') }}

),

rules as (

    select * from {{ ref('stg_alerts__rules') }}

),

-- Only complete hours are compared: the hours of the day that have ended, late arrivals allowed for.
clocks as (

    select
        rules.*,
        {{ hour_start(minutes_before('context.as_of', 'rules.late_arrival_minutes')) }} as complete_until
    from rules
    cross join context

),

days as (

    select
        clocks.*,
        {{ local_day("complete_until - interval 1 microsecond") }} - cast(series.number as integer) as day,
        series.number = 0 as is_today
    from clocks
    cross join {{ whole_numbers(15) }}

),

windows as (

    select
        days.*,
        {{ local_midnight('day') }} as window_from,
        case when is_today then complete_until else {{ local_midnight('day + 1') }} end as window_to,
        case
            when is_today then {{ local_hour_of_day('complete_until - interval 1 microsecond') }}
            else 23
        end as last_hour_of_day
    from days

),

-- No rule looks further back than its baseline before the oldest window.
hourly as (

    select
        hour,
        day,
        {{ local_hour_of_day('hour') }} as hour_of_day,
        tenant_id,
        feature,
        model,
        coalesce(cost_usd, 0) as cost_usd
    from {{ ref('agg_hourly') }}
    where day >= (select min(day - cast(baseline_days as integer)) from windows)

),

entities as (

    select 'total' as dimension, 'all' as entity, hour, day, hour_of_day, cost_usd from hourly
    union all
    select 'feature', feature, hour, day, hour_of_day, cost_usd from hourly where feature is not null
    union all
    select 'tenant', tenant_id, hour, day, hour_of_day, cost_usd from hourly where tenant_id is not null
    union all
    select 'model', model, hour, day, hour_of_day, cost_usd from hourly where model is not null

),

by_hour as (

    select dimension, entity, hour, day, hour_of_day, sum(cost_usd) as cost_usd
    from entities
    group by dimension, entity, hour, day, hour_of_day

),

first_days as (

    select 'total' as dimension, 'all' as entity, min(first_day) as first_day from {{ ref('agg_all_time') }}
    union all
    select 'feature', feature, min(first_day) from {{ ref('agg_all_time') }} group by feature
    union all
    select 'tenant', tenant_id, min(first_day) from {{ ref('agg_all_time') }} group by tenant_id
    union all
    select 'model', model, min(first_day) from {{ ref('agg_all_time') }} group by model

),

-- Today's window against the same hours of the days before it; a day without calls counts as 0 from the day on which
-- the entity was first seen.
compared as (

    select
        {% for column in [
            'rule', 'dimension', 'day', 'is_today', 'window_from', 'window_to', 'min_usd', 'ratio', 'severe_ratio',
            'min_history_days',
        ] -%}
        windows.{{ column }} as {{ column }},
        {% endfor -%}
        by_hour.entity as entity,
        cast(
            least(windows.baseline_days, {{ days_between('first_days.first_day', 'windows.day') }}) as integer
        ) as baseline_days,
        sum(by_hour.cost_usd) filter (where by_hour.day = windows.day) as actual_usd,
        sum(by_hour.cost_usd) filter (where by_hour.day < windows.day) as baseline_usd
    from windows
    inner join by_hour
        on windows.dimension = by_hour.dimension
        and by_hour.day <= windows.day
        and by_hour.day >= windows.day - cast(windows.baseline_days as integer)
        and by_hour.hour_of_day <= windows.last_hour_of_day
        and by_hour.hour < windows.window_to
    inner join first_days
        on by_hour.dimension = first_days.dimension and by_hour.entity = first_days.entity
    group by all

),

expected as (

    select
        *,
        cast({{ money_mean('coalesce(baseline_usd, 0)', 'baseline_days') }} as {{ money_type() }}) as expected_usd
    from compared
    where baseline_days >= greatest(min_history_days, 1) and actual_usd is not null

),

breaches as (

    select
        *,
        cast(actual_usd - expected_usd as {{ money_type() }}) as excess_usd,
        {{ money_ratio('actual_usd', 'expected_usd') }} as ratio_seen
    from expected
    where actual_usd - expected_usd >= min_usd
        and cast(round(actual_usd, 9) as decimal(28, 9))
            >= cast(round(ratio, 4) as decimal(9, 4)) * cast(round(expected_usd, 9) as decimal(28, 9))

)

select
    {{ short_hash("rule || '|' || dimension || '|' || entity || '|' || cast(day as varchar)") }} as incident_id,
    window_from as opened_at,
    case when not is_today then window_to end as resolved_at,
    case when is_today then 'open' else 'resolved' end as status,
    case
        when ratio_seen is null or ratio_seen >= severe_ratio then 'ERROR'
        else 'WARN'
    end as severity,
    rule,
    dimension,
    entity,
    day,
    window_from,
    window_to,
    cast(actual_usd as {{ money_type() }}) as actual_usd,
    expected_usd,
    excess_usd,
    ratio_seen as ratio,
    ratio_seen as score
from breaches
