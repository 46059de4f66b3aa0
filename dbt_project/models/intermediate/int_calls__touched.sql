{{ config(materialized='table') }}

with calls as (

    {% for source in attempt_sources() if source.by_call -%}
    select request_id, occurred_at from {{ ref(source.model) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select distinct request_id
from calls
where {{ in_touched_range('occurred_at') }}
    and {{ hour_start('occurred_at') }} in (select hour from {{ ref('int_hours__touched') }})
