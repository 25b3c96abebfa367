{#- The id of what a count is about where Genesys names nobody: the count is kept under it. -#}
{% macro unknown_member() -%} 'unknown' {%- endmacro %}
