{#- Materialization of seeds: as dbt's own, but that a line knows its number in the file, in a column of
    that name, and that every engine is given the same literals: adapters write an empty cell in
    different ways. All columns are text. Where the columns are as they were, the table is filled anew
    in place, so that views on it stay. -#}
{% materialization seed, default -%} {{ return(seeded()) }} {%- endmaterialization %}

{#- The adapter has one of its own. -#}
{% materialization seed, adapter='snowflake' -%} {{ return(seeded()) }} {%- endmaterialization %}


{% macro seeded() -%}
    {%- set lines = load_agate_table() -%}
    {#- What `dbt seed --show` shows. -#}
    {%- do store_result('agate_table', response='OK', agate_table=lines) -%}
    {%- set types = [] -%}
    {%- for name in lines.column_names -%}
        {%- do types.append({'name': name, 'data_type': 'text'}) -%}
    {%- endfor -%}
    {%- do types.append({'name': 'line_number', 'data_type': 'bigint'}) -%}
    {%- set names = types | map(attribute='name') | join(', ') -%}
    {#- Looked up once, and not for every cell. -#}
    {%- set literal = adapter.dispatch('text_literal', 'genesys') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('begin') -%} select 1 {%- endcall -%}
    {%- set columns = adapter.get_columns_in_relation(existing)
        | map(attribute='name') | map('lower') | join(', ') if existing -%}
    {%- set is_same = columns == names and not should_full_refresh() -%}
    {%- if not is_same -%}
        {%- if existing -%} {%- do adapter.drop_relation(existing) -%} {%- endif -%}
        {%- call statement('create') -%}
            {{ get_create_table_as_sql(False, target_relation, 'select * from ' ~ no_rows(types) ~ ' as lines') }}
        {%- endcall -%}
    {%- else -%}
        {%- call statement('empty') -%} delete from {{ target_relation }} where 1 = 1 {%- endcall -%}
    {%- endif -%}
    {%- for batch in lines.rows | batch(1000) -%}
        {%- set first_number = loop.index0 * 1000 + 2 -%}
        {%- call statement('insert') -%}
            insert into {{ target_relation }} ({{ names }}) values
            {%- for line in batch %}
            (
                {%- for value in line.values() -%}
                    {{ 'null' if value is none else literal(value | string) }},
                {%- endfor -%}
                {{ first_number + loop.index0 }}
            )
            {{- ',' if not loop.last }}
            {%- endfor %}
        {%- endcall -%}
    {%- endfor -%}
    {%- call noop_statement('main', 'INSERT ' ~ (lines.rows | length), 'INSERT', lines.rows | length) -%}
        {{ names }}
    {%- endcall -%}

    {%- do apply_grants(
        target_relation, config.get('grants'), should_revoke=should_revoke(existing, not is_same)
    ) -%}
    {%- do persist_docs(target_relation, model) -%}
    {%- if not is_same -%} {%- do create_indexes(target_relation) -%} {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmacro %}
