{{ config(materialized='table') }}

select distinct {{ local_day('hour') }} as day
from {{ ref('int_hours__touched') }}
