-- depends_on: {{ ref('int_hours__touched') }}
with unified as (

    {% for table, model in attempt_sources() -%}
    select * from {{ ref(model) }}
    {% if not loop.last %}union all by name{% endif %}
    {% endfor %}

)

select * from unified
where {{ in_working_set('occurred_at') }}
