{#- A relation with each of its rows once per step from one time to another, the other included where
    a step meets it. It stands after `from`, and the relation keeps its name. Not lateral: conditions
    on the relation's own columns reach what lies below it on both engines. -#}
{% macro steps_between(relation, first, last, step, name) -%}
    {{ return(adapter.dispatch('steps_between', 'genesys')(relation, first, last, step, name)) }}
{%- endmacro %}


{#- The length of such a step, for engines that count. -#}
{% macro milliseconds_of_step(step) -%}
    {%- set count, unit = step.split(' ') -%}
    {%- set lengths = {'minute': 60000, 'hour': 3600000, 'day': 86400000} -%}
    {{ return(count | int * lengths[unit.removesuffix('s')]) }}
{%- endmacro %}
