{{ config(materialized='table') }}
-- depends_on: {{ ref('int_hours__touched') }}, {{ ref('fct_attempts') }}

{%- set fct_requests = published('marts', 'fct_requests') %}

{% if not fct_requests -%}
-- Everything is made anew: nobody asks which.
select
    cast(null as varchar) as request_id,
    cast(null as {{ engine_type('timestamptz') }}) as first_hour,
    cast(null as {{ engine_type('timestamptz') }}) as last_hour,
    cast(null as {{ engine_type('date') }}) as first_day
where false
{%- else -%}
with hours as (

    select hour from {{ ref('int_hours__touched') }}

),

attempts as (

    select request_id, hour
    from {{ ref('fct_attempts') }}
    where hour in (select hour from hours) and request_id is not null

),

spans as (

    select request_id, hour as first_hour, hour as last_hour
    from attempts

    union all

    -- As it was: its attempts in other hours are needed too, and a request whose last attempt has gone must go.
    select request_id, first_hour, last_hour
    from {{ fct_requests }}
    where {{ in_touched_range('first_hour', until='last_hour') }}
        and (
            first_hour in (select hour from hours)
            or last_hour in (select hour from hours)
            or request_id in (select request_id from attempts)
        )

)

select
    request_id,
    min(first_hour) as first_hour,
    max(last_hour) as last_hour,
    {{ local_day('min(first_hour)') }} as first_day
from spans
group by request_id
{%- endif %}
