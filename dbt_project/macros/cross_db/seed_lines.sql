{% macro insertion_order() -%}
    {{ return(adapter.dispatch('insertion_order', 'genesys')()) }}
{%- endmacro %}
