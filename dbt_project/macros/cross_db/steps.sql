{#- A relation with each of its rows once per step from one time to another, the other included where
    a step meets it. It stands after `from`, and the relation keeps its name. Not lateral: conditions
    on the relation's own columns reach what lies below it on both engines. -#}
{% macro steps_between(relation, first, last, step, name) -%}
    {{ return(adapter.dispatch('steps_between', 'genesys')(relation, first, last, step, name)) }}
{%- endmacro %}
