{#- A table, as there are no temporary ones, and a view would be another one once rows are written. -#}
{% macro spark__make_changed_contacts(relation) -%}
    {%- set changed = relation.incorporate(
        path={'identifier': relation.identifier ~ '__contacts'}, type='table'
    ) -%}
    {%- call statement('contacts') -%}
        create or replace table {{ changed }} {{ file_format_clause() }} as
        {{ contacts_to_build(relation) }}
    {%- endcall -%}
    {{ return(changed) }}
{%- endmacro %}


{#- With its files, which Iceberg would leave. -#}
{% macro spark__drop_changed_contacts(changed) -%}
    {%- call statement('contacts') -%} drop table {{ changed }} purge {%- endcall -%}
{%- endmacro %}


{#- Into a table first: Spark puts the CTEs of a MERGE wherever they are named before it looks at them, so
    that a chain of them is planned many times over, and computes the source twice, to find the files
    that hold matches and to write them anew. -#}
{% macro spark__merged_rows(target, query) -%}
    {%- set written = beside(target, '__slice') -%}
    {%- call statement('slice') -%}
        create or replace table {{ written }} {{ file_format_clause() }} as
        {{ query }}
    {%- endcall -%}
    {{ return('select * from ' ~ written) }}
{%- endmacro %}

{% macro spark__drop_merged_rows(target) -%}
    {%- call statement('slice') -%} drop table if exists {{ beside(target, '__slice') }} purge {%- endcall -%}
{%- endmacro %}

{#- Delta writes the source down by itself. -#}
{% macro databricks__merged_rows(target, query) -%} {{ return(query) }} {%- endmacro %}

{% macro databricks__drop_merged_rows(target) -%} {%- endmacro %}
