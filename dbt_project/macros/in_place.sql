{#- Views and tables on DuckDB, made in place: dbt would make them beside, and rename twice. Other
    sessions read what was there until the transaction is through. -#}
{% materialization view, adapter='duckdb', supported_languages=['sql'] -%}
    {{ return(made_in_place('view')) }}
{%- endmaterialization %}

{% materialization table, adapter='duckdb', supported_languages=['sql'] -%}
    {{ return(made_in_place('table')) }}
{%- endmaterialization %}


{% macro made_in_place(type) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type=type) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('begin') -%} select 1 {%- endcall -%}
    {%- if existing is not none and (type == 'table' or existing.type != 'view') -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        {%- if type == 'view' -%}
            {{ get_create_view_as_sql(target_relation, model['compiled_code']) }}
        {%- else -%}
            {{ get_create_table_as_sql(False, target_relation, model['compiled_code']) }}
        {%- endif -%}
    {%- endcall -%}
    {%- if type == 'table' -%} {%- do create_indexes(target_relation) -%} {%- endif -%}
    {%- do apply_grants(
        target_relation, config.get('grants'), should_revoke=should_revoke(existing, true)
    ) -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmacro %}
