{% macro insertion_order() -%}
    {{ return(adapter.dispatch('insertion_order', 'genesys')()) }}
{%- endmacro %}

{% macro default__insertion_order() -%}
    {{ exceptions.raise_compiler_error("insertion_order has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__insertion_order() -%} rowid {%- endmacro %}

{% macro postgres__insertion_order() -%} ctid {%- endmacro %}
