{#- A claim about every row; the rows that break it are returned. -#}
{% test expression_is_true(model, expression) %}
select * from {{ model }} where not coalesce({{ expression }}, false)
{% endtest %}

{#- The column is the key: never NULL, never twice. One question instead of two, for each costs a run the same. -#}
{% test key(model, column_name) %}
select {{ column_name }}, count(*) as n
from {{ model }}
group by {{ column_name }}
having count(*) > 1 or {{ column_name }} is null
{% endtest %}

{#- The columns are never NULL. -#}
{% test known(model, columns) %}
select * from {{ model }} where {% for column in columns %}{{ column }} is null{% if not loop.last %} or {% endif %}{% endfor %}
{% endtest %}

{#- The combination of columns is the key. NULL counts as a value, unless the key is to be `complete`. -#}
{% test unique_combination(model, columns, complete=false) %}
select {{ columns | join(', ') }}, count(*) as n
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{%- if complete %}{% for column in columns %} or {{ column }} is null{% endfor %}{% endif %}
{% endtest %}

{#- Sums of measures are equal at two grains, to the last decimal; with `open_hours` only over hours that retention has
    not closed: of those the attempts are gone. -#}
{% test adds_up(model, other, measures, open_hours=false) %}
{%- set compared = is_open_hour('hour') if open_hours else 'true' %}
with here as (
    select {% for m in measures %}coalesce(sum({{ m }}), 0) as {{ m }}{% if not loop.last %}, {% endif %}{% endfor %}
    from {{ model }}
    where {{ compared }}
),

there as (
    select {% for m in measures %}coalesce(sum({{ m }}), 0) as {{ m }}{% if not loop.last %}, {% endif %}{% endfor %}
    from {{ other }}
    where {{ compared }}
)

select * from here cross join there
where {% for m in measures %}here.{{ m }} != there.{{ m }}{% if not loop.last %} or {% endif %}{% endfor %}
{% endtest %}

{#- Half-open intervals [starts, ends) of one key never overlap and never run backwards. -#}
{% test no_overlap(model, key, starts, ends) %}
select *
from (
    select
        {{ key | join(', ') }}, {{ starts }}, {{ ends }},
        lead({{ optional(starts) }}) over (partition by {{ key | join(', ') }} order by {{ starts }}) as next_start
    from {{ model }}
) as intervals
where {{ ends }} <= {{ starts }} or next_start < {{ ends }}
{% endtest %}
