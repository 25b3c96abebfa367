{% macro boolean_any(condition) -%}
    {{ return(adapter.dispatch('boolean_any', 'genesys')(condition)) }}
{%- endmacro %}

{% macro default__boolean_any(condition) -%}
    {{ exceptions.raise_compiler_error("boolean_any has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__boolean_any(condition) -%} bool_or({{ condition }}) {%- endmacro %}

{% macro postgres__boolean_any(condition) -%} bool_or({{ condition }}) {%- endmacro %}


{% macro text_list(column) -%}
    {{ return(adapter.dispatch('text_list', 'genesys')(column)) }}
{%- endmacro %}

{% macro default__text_list(column) -%}
    {{ exceptions.raise_compiler_error("text_list has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__text_list(column) -%}
    string_agg(distinct {{ column }}, ',' order by {{ column }})
{%- endmacro %}

{#- distinct and a collation of its own do not go together in one string_agg. -#}
{% macro postgres__text_list(column) -%}
    nullif(
        array_to_string(
            array_agg(distinct {{ column }} collate "C" order by {{ column }} collate "C"), ','
        ),
        ''
    )
{%- endmacro %}


{#- Text that sorts, and has a smallest, by code point: Postgres would follow the database's
    collation, and ids would sort differently from machine to machine. -#}
{% macro by_code_point(text) -%}
    {{ return(adapter.dispatch('by_code_point', 'genesys')(text)) }}
{%- endmacro %}

{% macro default__by_code_point(text) -%}
    {{ exceptions.raise_compiler_error("by_code_point has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__by_code_point(text) -%} {{ text }} {%- endmacro %}

{% macro postgres__by_code_point(text) -%} ({{ text }} collate "C") {%- endmacro %}
