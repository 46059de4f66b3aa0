{#
  hour_start(instant): the instant at which the local hour of TOKENCOST_TIMEZONE began.
  Cut by the zone's own minutes, so that days of zones such as Asia/Kolkata are sums of whole hours; an hour that
  happens twice when summer time ends stays two hours.
#}
{% macro hour_start(instant) -%}
    {{ return(adapter.dispatch('hour_start', 'tokencost')(instant)) }}
{%- endmacro %}

{% macro duckdb__hour_start(instant) -%}
    {%- if reporting_timezone() == 'UTC' -%}
        date_trunc('hour', {{ instant }})
    {%- else -%}
        ({{ instant }} - to_microseconds(epoch_us(timezone('{{ reporting_timezone() }}', {{ instant }})) % 3600000000))
    {%- endif -%}
{%- endmacro %}

{#- plus_milliseconds(instant, milliseconds): the instant so much later. -#}
{% macro plus_milliseconds(instant, milliseconds) -%}
    {{ return(adapter.dispatch('plus_milliseconds', 'tokencost')(instant, milliseconds)) }}
{%- endmacro %}

{% macro duckdb__plus_milliseconds(instant, milliseconds) -%}
    ({{ instant }} + to_milliseconds({{ milliseconds }}))
{%- endmacro %}

{#- local_day(instant): the date in TOKENCOST_TIMEZONE. -#}
{% macro local_day(instant) -%}
    {{ return(adapter.dispatch('local_day', 'tokencost')(instant)) }}
{%- endmacro %}

{% macro duckdb__local_day(instant) -%}
    cast(timezone('{{ reporting_timezone() }}', {{ instant }}) as date)
{%- endmacro %}

{#- month_of(day): the first day of a date's calendar month. -#}
{% macro month_of(day) -%}
    {{ return(adapter.dispatch('month_of', 'tokencost')(day)) }}
{%- endmacro %}

{% macro duckdb__month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{#- local_midnight(day): the instant at which a local date begins. -#}
{% macro local_midnight(day) -%}
    {{ return(adapter.dispatch('local_midnight', 'tokencost')(day)) }}
{%- endmacro %}

{% macro duckdb__local_midnight(day) -%}
    timezone('{{ reporting_timezone() }}', cast({{ day }} as timestamp))
{%- endmacro %}

{#- local_hour_of_day(instant): 0..23 on the local clock. -#}
{% macro local_hour_of_day(instant) -%}
    {{ return(adapter.dispatch('local_hour_of_day', 'tokencost')(instant)) }}
{%- endmacro %}

{% macro duckdb__local_hour_of_day(instant) -%}
    extract('hour' from timezone('{{ reporting_timezone() }}', {{ instant }}))
{%- endmacro %}

{% macro minutes_before(instant, minutes) -%}
    {{ return(adapter.dispatch('minutes_before', 'tokencost')(instant, minutes)) }}
{%- endmacro %}

{% macro duckdb__minutes_before(instant, minutes) -%}
    ({{ instant }} - to_minutes({{ minutes }}))
{%- endmacro %}

{#- The price windows' clock: minute of the day, ISO weekday and date in the window's own zone (a column). -#}
{% macro window_minute(instant, zone) -%}
    {{ return(adapter.dispatch('window_minute', 'tokencost')(instant, zone)) }}
{%- endmacro %}

{% macro duckdb__window_minute(instant, zone) -%}
    (extract('hour' from timezone({{ zone }}, {{ instant }})) * 60 + extract('minute' from timezone({{ zone }}, {{ instant }})))
{%- endmacro %}

{% macro window_weekday(instant, zone) -%}
    {{ return(adapter.dispatch('window_weekday', 'tokencost')(instant, zone)) }}
{%- endmacro %}

{% macro duckdb__window_weekday(instant, zone) -%}
    cast(isodow(timezone({{ zone }}, {{ instant }})) as varchar)
{%- endmacro %}

{% macro window_date(instant, zone) -%}
    {{ return(adapter.dispatch('window_date', 'tokencost')(instant, zone)) }}
{%- endmacro %}

{% macro duckdb__window_date(instant, zone) -%}
    strftime(timezone({{ zone }}, {{ instant }}), '%Y-%m-%d')
{%- endmacro %}

{#- days_between(earlier, later): the days from one date to another. -#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between', 'tokencost')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__days_between(earlier, later) -%}
    ({{ later }} - {{ earlier }})
{%- endmacro %}

{% macro reporting_timezone() -%}
    {{ return(env_var('TOKENCOST_TIMEZONE', 'UTC')) }}
{%- endmacro %}

{#- utc_day(instant): the date in UTC, which is the day of the providers' invoices. -#}
{% macro utc_day(instant) -%}
    {{ return(adapter.dispatch('utc_day', 'tokencost')(instant)) }}
{%- endmacro %}

{% macro duckdb__utc_day(instant) -%}
    cast(timezone('UTC', {{ instant }}) as date)
{%- endmacro %}
