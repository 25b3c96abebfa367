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
