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
