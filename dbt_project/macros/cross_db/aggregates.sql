{% macro boolean_any(condition) -%}
    {{ return(adapter.dispatch('boolean_any', 'genesys')(condition)) }}
{%- endmacro %}


{% macro text_list(column) -%}
    {{ return(adapter.dispatch('text_list', 'genesys')(column)) }}
{%- endmacro %}


{#- Text that sorts, and has a smallest, by code point: Postgres would follow the database's
    collation, and ids would sort differently from machine to machine. -#}
{% macro by_code_point(text) -%}
    {{ return(adapter.dispatch('by_code_point', 'genesys')(text)) }}
{%- endmacro %}


{#- Texts, expressions, joined by commas; nulls are left out. -#}
{% macro comma_list(texts) -%} {{ return(adapter.dispatch('comma_list', 'genesys')(texts)) }} {%- endmacro %}

{% macro default__comma_list(texts) -%} concat_ws(',', {{ texts | join(', ') }}) {%- endmacro %}
