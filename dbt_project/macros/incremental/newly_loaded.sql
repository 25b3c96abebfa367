{#- Which rows a build has to take in: those whose load lies in the slice at hand. What stands here
    are the ends of time, so that a model's compiled SQL is a query of everything; the
    materialization puts the ends of each slice in their places.

    Literals: compared with a subquery, engines read and compute all rows before they drop them. -#}
{% macro newly_loaded(column='loaded_at') -%}
    {{ column }} > {{ loaded_after() }} and {{ column }} <= {{ loaded_through() }}
{%- endmacro %}

{% macro loaded_after() -%} cast('0001-01-01 00:00:00' as timestamp) {%- endmacro %}

{% macro loaded_through() -%} cast('9999-12-31 00:00:00' as timestamp) {%- endmacro %}


{#- A query as it is for one slice, a list of where it begins, itself not in it, and where it ends. -#}
{% macro in_slice(sql, slice) -%}
    {{ return(
        sql
        | replace(loaded_after(), "cast('" ~ slice[0] ~ "' as timestamp)")
        | replace(loaded_through(), "cast('" ~ slice[1] ~ "' as timestamp)")
    ) }}
{%- endmacro %}
