{#- SHA-256 of a text's UTF-8, hex in lower case; null of null. -#}
{% macro sha256_hex(text) -%}
    {{ return(adapter.dispatch('sha256_hex', 'genesys')(text)) }}
{%- endmacro %}


{#- The same for each text of a list that is joined by commas, sorted by hash: in the list's own
    order the first would still be the work address. -#}
{% macro sha256_hex_list(list, salt) -%}
    {{ return(adapter.dispatch('sha256_hex_list', 'genesys')(list, salt)) }}
{%- endmacro %}
