{#- Postgres finds the rows of a changed conversation by index. DuckDB's zone maps are enough, and
    an index there makes deletes slower. No other engine has indexes. -#}
{% macro conversation_indexes() -%}
    {{ return(adapter.dispatch('conversation_indexes', 'genesys')()) }}
{%- endmacro %}

{% macro default__conversation_indexes() -%} {{ return([]) }} {%- endmacro %}


{#- The same for the rows of a changed contact. -#}
{% macro contact_indexes() -%}
    {{ return(adapter.dispatch('contact_indexes', 'genesys')()) }}
{%- endmacro %}

{% macro default__contact_indexes() -%} {{ return([]) }} {%- endmacro %}
