{#
  What a generic test looks at; dbt's own macro but for `where: this run (hour)`: the rows between the first and the
  last value of that column that this run recomputed. Rows outside were judged when they were written, and a judgement
  of every row in each run would cost more with each day of history. A full refresh looks at everything again.
#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where') or '' -%}
    {%- if where.startswith('this run') -%}
        {%- set column = where.split('(')[1].split(')')[0] -%}
        {%- if column == 'month' -%}
            {%- set range = in_touched_months(column) -%}
        {%- else -%}
            {%- set range = in_touched_days(column) if column == 'day' else in_touched_range(column) -%}
        {%- endif -%}
        {{ return('(select * from ' ~ relation ~ ' where ' ~ range ~ ' or ' ~ column ~ ' is null) as of_this_run') }}
    {%- elif where -%}
        {{ return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') as chosen') }}
    {%- endif -%}
    {{ return(relation) }}
{%- endmacro %}
