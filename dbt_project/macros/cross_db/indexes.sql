{#- Postgres finds the rows of a changed conversation by index. DuckDB's zone maps are enough, and
    an index there makes deletes slower. No other engine has indexes: hence no error by default. -#}
{% macro conversation_indexes() -%}
    {{ return([{'columns': ['conversation_id']}] if target.type == 'postgres' else []) }}
{%- endmacro %}


{#- The same for the rows of a changed contact. -#}
{% macro contact_indexes() -%}
    {{ return([{'columns': ['canonical_contact_id']}] if target.type == 'postgres' else []) }}
{%- endmacro %}
