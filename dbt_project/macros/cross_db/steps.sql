{#- A relation with each of its rows once per step from one time to another, the other included where
    a step meets it. It stands after `from`, and the relation keeps its name. Not lateral: conditions
    on the relation's own columns reach what lies below it on both engines. -#}
{% macro steps_between(relation, first, last, step, name) -%}
    {{ return(adapter.dispatch('steps_between', 'genesys')(relation, first, last, step, name)) }}
{%- endmacro %}

{% macro default__steps_between(relation, first, last, step, name) -%}
    {{ exceptions.raise_compiler_error("steps_between has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__steps_between(relation, first, last, step, name) -%}
    (
        select
            {{ relation }}.*,
            unnest(generate_series({{ first }}, {{ last }}, interval '{{ step }}')) as {{ name }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{% macro postgres__steps_between(relation, first, last, step, name) -%}
    (
        select
            {{ relation }}.*,
            generate_series({{ first }}, {{ last }}, interval '{{ step }}') as {{ name }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}
