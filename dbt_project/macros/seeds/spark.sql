{#- A seed is one statement on Spark, with a row more that gives its columns where it has none. -#}
{% materialization seed, adapter='spark' -%}
    {%- set lines = load_agate_table() -%}
    {%- do store_result('agate_table', response='OK', agate_table=lines) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set names = [] -%}
    {%- for name in lines.column_names -%} {%- do names.append(adapter.quote(name)) -%} {%- endfor -%}
    {%- set query -%}
        select {{ names | join(', ') }}, line_number
        from values
            ({{ 'cast(null as string), ' * (names | length) }} cast(0 as bigint))
            {%- for line in lines.rows %},
            (
                {%- for value in line.values() -%}
                    {{ 'null' if value is none else spark__text_literal(value | string) }},
                {%- endfor -%}
                cast({{ loop.index + 1 }} as bigint)
            )
            {%- endfor %}
            as lines ({{ names | join(', ') }}, line_number)
        where line_number > 0
    {%- endset -%}

    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none and existing.type != 'table' -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        {{ get_create_table_as_sql(False, target_relation, query) }}
    {%- endcall -%}
    {%- do apply_grants(
        target_relation, config.get('grants'), should_revoke=should_revoke(existing, true)
    ) -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
