{{ config(materialized='table') }}

with days as (

    select distinct {{ local_day('hour') }} as day
    from {{ ref('int_hours__touched') }}

)

select
    day,
    {{ month_of('day') }} as month
from days
