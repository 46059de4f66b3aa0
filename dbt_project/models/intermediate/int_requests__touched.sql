{{ config(materialized='table') }}

{%- set fct_requests = published('marts', 'fct_requests') %}

with hours as (

    select hour from {{ ref('int_hours__touched') }}

)

select request_id
from {{ ref('fct_attempts') }}
where hour in (select hour from hours) and request_id is not null

union

-- A request whose last attempt in these hours has gone must go too.
select request_id
from {{ fct_requests or '(select null::varchar as request_id, null::timestamptz as first_hour, null::timestamptz as last_hour where false)' }}
where first_hour in (select hour from hours) or last_hour in (select hour from hours)
