{#- Tables that are made whole, on Spark: by one CREATE OR REPLACE, so that whoever reads one meanwhile
    reads that of before. The adapter's own drops it first: it does not see that a table of Spark's
    catalog is Iceberg's. -#}
{% materialization table, adapter='spark', supported_languages=['sql'] -%}
    {%- set in_place = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks) }}
    {%- if in_place is not none and in_place.type != 'table' -%}
        {%- do adapter.drop_relation(in_place) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        {{ get_create_table_as_sql(False, target_relation, model['compiled_code']) }}
    {%- endcall -%}
    {%- do apply_grants(
        target_relation, config.get('grants'), should_revoke=should_revoke(in_place, true)
    ) -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
