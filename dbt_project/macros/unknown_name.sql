{#- The name of what Genesys does not list: with its id, so that two of them stay two in a report that
    groups by name. -#}
{% macro unknown_name(kind, id) -%}
    'Unknown {{ kind }} ' || {{ id }}
{%- endmacro %}
