{#-
  keep_join_order(): hook before a model whose joins name the wide side first. The optimiser may then not swap the sides
  of a join: with the many narrow lookups of a priced attempt it guesses so few rows that it would keep every attempt,
  45 columns wide, in a hash table. Twice the time and memory at a million rows. choose_join_order() is the hook after.
-#}
{% macro keep_join_order() -%}
    {{ return(adapter.dispatch('keep_join_order', 'tokencost')()) }}
{%- endmacro %}

{% macro duckdb__keep_join_order() -%} set disabled_optimizers = 'build_side_probe_side' {%- endmacro %}

{% macro default__keep_join_order() -%}{%- endmacro %}

{% macro choose_join_order() -%}
    {{ return(adapter.dispatch('choose_join_order', 'tokencost')()) }}
{%- endmacro %}

{% macro duckdb__choose_join_order() -%} reset disabled_optimizers {%- endmacro %}

{% macro default__choose_join_order() -%}{%- endmacro %}

{#-
  in_time_order(column): ends a select whose rows come out of a hash table, in no order. Kept in the order of time, a day
  is in few blocks, and who exports, replaces or shows it reads these. An engine that sorts by keys does so anyway.
-#}
{% macro in_time_order(column) -%}
    {{ return(adapter.dispatch('in_time_order', 'tokencost')(column)) }}
{%- endmacro %}

{% macro duckdb__in_time_order(column) -%} order by {{ column }} {%- endmacro %}

{% macro default__in_time_order(column) -%}{%- endmacro %}
