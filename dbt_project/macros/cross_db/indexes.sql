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


{#- A statement that has the engine look at the rows of a table that was filled or changed. Postgres does so
    by itself only once a minute, and until then plans the models behind it as if the table held nothing. -#}
{% macro gather_statistics(relation) -%}
    {{ return(adapter.dispatch('gather_statistics', 'genesys')(relation)) }}
{%- endmacro %}

{% macro default__gather_statistics(relation) -%} select 1 {%- endmacro %}


{#- Statements that have the engine plan the rest of a transaction for a slice of many rows. Postgres
    takes a join by two keys, as by conversation and session, for one of a row with a row, and then
    compares each with each: a minute for what takes half a second. Of few rows that costs nothing, and
    they are found by index. -#}
{% macro planned_for(slice) -%}
    {{ return(adapter.dispatch('planned_for', 'genesys')(slice)) }}
{%- endmacro %}

{% macro default__planned_for(slice) -%} {{ return('') }} {%- endmacro %}
