{#- Contracts are written once, in the types of our yml files; here they are checked and made with the engine's. -#}
{% macro clickhouse__get_table_columns_and_constraints() -%}
    (
    {%- for name, column in model.columns.items() %}
        {{ adapter.quote(name) }} {{ clickhouse_column_type(column) }}{% if not loop.last %},{% endif %}
    {%- endfor %}
    )
{%- endmacro %}

{#- A column is Nullable unless its contract says not_null: then a NULL fails the insert. -#}
{% macro clickhouse_column_type(column) -%}
    {%- set kinds = [] -%}
    {%- for constraint in column.constraints -%}{%- do kinds.append(constraint.type | string) -%}{%- endfor -%}
    {%- set type = engine_type(column.data_type) -%}
    {{ type if 'not_null' in (kinds | join(' ')) else 'Nullable(' ~ type ~ ')' }}
{%- endmacro %}

{#- The names of the columns have to be those of the contract. Their types are what the insert casts to. -#}
{% macro clickhouse__get_assert_columns_equivalent(sql) -%}
    {%- set found = adapter.get_column_schema_from_query(sql) -%}
    {%- set names = found | map(attribute='name') | sort -%}
    {%- if names != (model.columns.keys() | sort) -%}
        {%- set wanted = [] -%}
        {%- for name, column in model.columns.items() -%}
            {%- do wanted.append({'name': name, 'data_type': engine_type(column.data_type), 'formatted': name}) -%}
        {%- endfor -%}
        {%- do exceptions.raise_contract_error(wanted, adapter.format_columns(found)) -%}
    {%- endif -%}
{%- endmacro %}
