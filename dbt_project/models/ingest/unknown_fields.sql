{%- set records = {} -%}
{%- for batch in landed_batches() -%}
    {%- for name, times in batch.unknown_fields.items() -%}
        {%- do records.update({name: records.get(name, 0) + times}) -%}
    {%- endfor -%}
{%- endfor %}

{% for name in records | sort -%}
{%- set parts = name.split('.', 1) -%}
select '{{ sql_text(parts[0]) }}' as source, '{{ sql_text(parts[1]) }}' as field, cast({{ records[name] }} as bigint) as records
{% if not loop.last %}union all {% endif %}
{%- endfor %}
{%- if not records -%}
select cast(null as varchar) as source, cast(null as varchar) as field, cast(null as bigint) as records where false
{%- endif %}
