{{ config(materialized='table') }}
-- depends_on: {{ ref('int_hours__touched') }}, {{ ref('fct_attempts') }}

{%- set fct_requests = published('marts', 'fct_requests') %}

{% if not fct_requests -%}
-- Everything is made anew: nobody asks which.
select cast(null as varchar) as request_id where false
{%- else -%}
with hours as (

    select hour from {{ ref('int_hours__touched') }}

)

select request_id
from {{ ref('fct_attempts') }}
where hour in (select hour from hours) and request_id is not null

union

-- A request whose last attempt in these hours has gone must go too.
select request_id
from {{ fct_requests }}
where first_hour in (select hour from hours) or last_hour in (select hour from hours)
{%- endif %}
