{#- Stands before a CTE that parses what later ones take apart: Postgres copies what a CTE computes to
    wherever it is used, and would parse a payload again for every row and field it holds. Other
    engines compute it once of themselves. -#}
{% macro computed_once() -%} {{ return(adapter.dispatch('computed_once', 'genesys')()) }} {%- endmacro %}

{% macro default__computed_once() -%} {%- endmacro %}
