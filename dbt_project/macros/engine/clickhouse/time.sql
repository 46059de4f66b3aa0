{#- Instants are DateTime64(6, 'UTC'): the functions that cut to hours would give seconds of 32 bits, so ticks are cut. -#}
{% macro clickhouse__hour_start(instant) -%}
    {%- set ticks = 'toUnixTimestamp64Micro(' ~ instant ~ ')' -%}
    {%- if reporting_timezone() == 'UTC' -%}
        fromUnixTimestamp64Micro({{ ticks }} - positiveModulo({{ ticks }}, 3600000000), 'UTC')
    {%- else -%}
        fromUnixTimestamp64Micro(
            {{ ticks }} - positiveModulo(
                {{ ticks }} + timezoneOffset(toTimeZone({{ instant }}, '{{ reporting_timezone() }}')) * 1000000, 3600000000
            ), 'UTC'
        )
    {%- endif -%}
{%- endmacro %}

{% macro clickhouse__plus_milliseconds(instant, milliseconds) -%}
    addMilliseconds({{ instant }}, {{ milliseconds }})
{%- endmacro %}

{% macro clickhouse__minutes_before(instant, minutes) -%}
    subtractMinutes({{ instant }}, {{ minutes }})
{%- endmacro %}

{% macro clickhouse__local_day(instant) -%}
    toDate32(toTimeZone({{ instant }}, '{{ reporting_timezone() }}'))
{%- endmacro %}

{% macro clickhouse__month_of(day) -%}
    toDate32(toStartOfMonth({{ day }}))
{%- endmacro %}

{#- A midnight that the clock skips (summer time in Santiago) is read as the hour before it: the day begins an hour on. -#}
{% macro clickhouse__local_midnight(day) -%}
    {%- set zone = reporting_timezone() -%}
    {%- set read = "toTimeZone(toDateTime64(toString(" ~ day ~ ") || ' 00:00:00', 6, '" ~ zone ~ "'), 'UTC')" -%}
    if(toDate32(toTimeZone({{ read }}, '{{ zone }}')) < {{ day }}, {{ read }} + interval 1 hour, {{ read }})
{%- endmacro %}

{% macro clickhouse__local_hour_of_day(instant) -%}
    toHour(toTimeZone({{ instant }}, '{{ reporting_timezone() }}'))
{%- endmacro %}

{% macro clickhouse__utc_day(instant) -%}
    toDate32({{ instant }})
{%- endmacro %}

{% macro clickhouse__days_between(earlier, later) -%}
    dateDiff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{#-
  A zone is part of a type here and cannot come from a column: the few zones of the price book are written out, each with
  its own expression.
-#}
{% macro clickhouse_by_zone(instant, zone, before, after) -%}
    {%- set zones = [] -%}
    {%- if execute -%}
        {%- set found = run_query(
            'select distinct window_timezone from ' ~ clickhouse_landed('prices') ~ ' where window_timezone is not null order by 1'
        ) -%}
        {%- set zones = found.columns[0].values() if found.rows | length > 0 else [] -%}
    {%- endif -%}
    case
    {%- for name in zones %}
        when {{ zone }} = '{{ sql_text(name) }}' then {{ before }}toTimeZone({{ instant }}, '{{ sql_text(name) }}'){{ after }}
    {%- endfor %}
        else null
    end
{%- endmacro %}

{% macro clickhouse__window_minute(instant, zone) -%}
    ({{ clickhouse_by_zone(instant, zone, 'toHour(', ')') }} * 60 + {{ clickhouse_by_zone(instant, zone, 'toMinute(', ')') }})
{%- endmacro %}

{% macro clickhouse__window_weekday(instant, zone) -%}
    toString({{ clickhouse_by_zone(instant, zone, 'toDayOfWeek(', ')') }})
{%- endmacro %}

{% macro clickhouse__window_date(instant, zone) -%}
    toString({{ clickhouse_by_zone(instant, zone, 'toDate32(', ')') }})
{%- endmacro %}
