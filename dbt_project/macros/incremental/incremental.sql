{#- The materialization of all incremental models: as dbt's own, but that it works through what is
    new in slices of bounded bytes, each of them one transaction. So memory is bounded whether a
    day or a year is new, and a build that was killed goes on after the last slice it committed.

    A table that is missing is made empty first and filled like any other; where no slice can replace
    what another has brought, its slices are only inserted. A refresh fills another one, named after
    the query, and puts it in place at the end: until then everybody reads the old one, and a refresh
    that was killed goes on in what it has filled. The next build that refreshes nothing drops it.

    What else than loads a model's rows depend on, variables or the attribute registry, stands in its
    made_of: {rules: [<name>]}, and in its column rules_version. A table that other rules have made is
    refreshed. -#}
{% materialization incremental, adapter='duckdb', supported_languages=['sql'] -%}
    {{ return(incremental_in_slices()) }}
{%- endmaterialization %}

{% materialization incremental, adapter='postgres', supported_languages=['sql'] -%}
    {{ return(incremental_in_slices()) }}
{%- endmaterialization %}


{% macro incremental_in_slices() -%}
    {%- set query = model['compiled_code'] -%}
    {%- set in_place = load_cached_relation(this) -%}
    {%- set is_there = in_place is not none and in_place.type == 'table' -%}
    {%- set columns = adapter.get_columns_in_relation(in_place)
        if is_there and not should_full_refresh() else [] -%}
    {%- set is_refresh = is_there and (should_full_refresh() or is_of_other_rules(in_place, columns)) -%}
    {#- What is filled: the table itself, or the one that is to take its place. -#}
    {%- set filled = this.incorporate(
        path={'identifier': this.identifier ~ ('__refresh_' ~ local_md5(query)[:8] if is_refresh else '')}
    ) -%}
    {%- set existing = load_cached_relation(filled) -%}
    {%- set target_relation = filled.incorporate(type='table') -%}
    {%- set temp_relation = make_temp_relation(target_relation) -%}
    {%- set is_new = existing is none or existing.type != 'table' -%}
    {#- Slices of reads may meet in one day. -#}
    {%- set is_inserted = is_new and not config.get('made_of', {}).get('period') -%}
    {%- set on_schema_change = incremental_validate_on_schema_change(
        config.get('on_schema_change'), default='ignore'
    ) -%}
    {%- set none_of_it -%}
        select * from (
            {{ in_slice(query, {'after': '0001-01-01 00:00:00', 'through': '0001-01-01 00:00:00'}) }}
        ) as none_of_it
        where 1 = 0
    {%- endset -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {#- Where nothing is new, and nothing else has changed, nothing is made. -#}
    {%- set slices = slices_to_build(target_relation, is_new) if not is_new -%}
    {%- if slices == [] and not is_refresh and gives_columns(none_of_it, columns) -%}
        {%- call noop_statement('main', 'NOTHING NEW') -%} {{ query }} {%- endcall -%}
        {%- do apply_grants(
            target_relation, config.get('grants'), should_revoke=should_revoke(existing, false)
        ) -%}
        {%- do persist_docs(target_relation, model) -%}
        {{ run_hooks(post_hooks, inside_transaction=True) }}
        {%- do adapter.commit() -%}
        {{ run_hooks(post_hooks, inside_transaction=False) }}
        {{ return({'relations': [target_relation]}) }}
    {%- endif -%}

    {%- if is_new or is_refresh -%} {%- do forget_passed_tests() -%} {%- endif -%}
    {%- if is_new -%}
        {%- call statement('begin') -%} select 1 {%- endcall -%}
        {#- By the adapter, which then knows that the views on it are gone too. -#}
        {{ drop_relation_if_exists(existing) }}
        {%- call statement('create') -%}
            {{ get_create_table_as_sql(False, target_relation, none_of_it) }}
        {%- endcall -%}
        {%- if not is_refresh -%} {%- do create_indexes(target_relation) -%} {%- endif -%}
        {%- set columns = adapter.get_columns_in_relation(target_relation) -%}
    {%- endif -%}
    {%- if not is_inserted -%}
        {%- call statement('create') -%}
            {{ get_create_table_as_sql(True, temp_relation, none_of_it) }}
        {%- endcall -%}
    {%- endif -%}
    {%- if not is_new -%}
        {%- if not config.get('contract').enforced -%}
            {%- do adapter.expand_target_column_types(
                from_relation=temp_relation, to_relation=target_relation
            ) -%}
        {%- endif -%}
        {%- set columns = process_schema_changes(on_schema_change, temp_relation, existing)
            or adapter.get_columns_in_relation(existing) -%}
    {%- endif -%}
    {%- do apply_grants(
        target_relation, config.get('grants'), should_revoke=should_revoke(existing, is_new)
    ) -%}
    {%- do persist_docs(target_relation, model) -%}
    {%- do adapter.commit() -%}

    {%- set names = columns | map(attribute='quoted') | join(', ') -%}
    {%- set strategy = adapter.get_incremental_strategy_macro(
        context, config.get('incremental_strategy') or 'default'
    ) -%}
    {%- set replace = strategy({
        'target_relation': target_relation,
        'temp_relation': temp_relation,
        'unique_key': config.get('unique_key'),
        'dest_columns': columns,
        'incremental_predicates': none
    }) if not is_inserted -%}

    {%- for slice in (slices_to_build(target_relation, is_new) if is_new else slices) -%}
        {%- if is_inserted -%}
            {%- call statement('main') -%}
                {{ planned_for(slice) }}
                insert into {{ target_relation }} ({{ names }})
                select {{ names }} from (
                    {{ in_slice(query, slice) }}
                ) as slice
            {%- endcall -%}
        {%- else -%}
            {%- call statement('main') -%}
                {{ planned_for(slice) }}
                insert into {{ temp_relation }} ({{ names }})
                select {{ names }} from (
                    {{ in_slice(query, slice) }}
                ) as slice;
                {{ in_slice(replace, slice) }};
                delete from {{ temp_relation }}
            {%- endcall -%}
        {%- endif -%}
        {%- if slice.contacts -%}
            {%- do drop_changed_contacts(slice.contacts) -%}
        {%- endif -%}
        {%- do adapter.commit() -%}
    {%- else -%}
        {%- call noop_statement('main', 'NOTHING NEW') -%} {{ query }} {%- endcall -%}
    {%- endfor -%}

    {%- call statement('end') -%} {{ gather_statistics(target_relation) }} {%- endcall -%}
    {%- if is_refresh -%}
        {%- set final = this.incorporate(type='table') -%}
        {%- do adapter.drop_relation(in_place) -%}
        {%- do adapter.rename_relation(target_relation, final) -%}
        {%- do create_indexes(final) -%}
        {%- set target_relation = final -%}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {%- if not is_inserted -%} {%- do adapter.drop_relation(temp_relation) -%} {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmacro %}


{#- What a model's rows depend on beside the loads, as a hash: variables and seeds by their names. -#}
{% macro rules_version(rules) -%}
    {%- set values = [] -%}
    {%- for rule in rules if model.resource_type != 'unit_test' -%}
        {%- if rule == 'attribute_registry' -%}
            {%- do values.append(registry_version()) -%}
        {%- elif rule in seeds_of_analysts() -%}
            {%- set is_there = execute and load_relation(ref(rule)) -%}
            {%- set lines = lines_of_table(rule, ref(rule)) if is_there else [] -%}
            {%- do values.append(lines | map('last') | map('tojson') | sort | list) -%}
        {%- else -%}
            {%- do values.append(var(rule)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(local_md5(tojson(values))) }}
{%- endmacro %}


{#- Whether a query gives the columns that a table has. Their types are looked at where a contract has
    them; elsewhere it is the next slice that does not fit. -#}
{% macro gives_columns(query, columns) -%}
    {%- if config.get('contract').enforced -%}
        {%- do get_assert_columns_equivalent(query) -%}
        {%- set given = model['columns'].values() -%}
    {%- else -%}
        {%- set given = get_column_schema_from_query(query) -%}
    {%- endif -%}
    {{ return(
        given | map(attribute='name') | map('lower') | sort | list
        == columns | map(attribute='name') | map('lower') | sort | list
    ) }}
{%- endmacro %}


{% macro is_of_other_rules(relation, columns) -%}
    {%- set rules = config.get('made_of', {}).get('rules') -%}
    {%- if not rules -%} {{ return(false) }} {%- endif -%}
    {%- if 'rules_version' not in columns | map(attribute='name') | map('lower') -%} {{ return(true) }} {%- endif -%}
    {%- set question -%}
        select 1
        from {{ relation }}
        where rules_version <> '{{ rules_version(rules) }}'
        limit 1
    {%- endset -%}
    {{ return(run_query(question).rows | length > 0) }}
{%- endmacro %}


{#- Drops what refreshes that were killed have left, before each build that refreshes nothing. Not by
    the hook's own statement, which would be rolled back. -#}
{% macro drop_given_up_refreshes() -%}
    {%- if execute and flags.WHICH in ['build', 'run'] and not flags.FULL_REFRESH -%}
        {%- for left in given_up_refreshes() -%}
            {%- call statement('drop', auto_begin=True) -%} drop table {{ left }} {%- endcall -%}
            {%- do adapter.commit() -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro given_up_refreshes() -%}
    {{ return(adapter.dispatch('given_up_refreshes', 'genesys')()) }}
{%- endmacro %}

{% macro default__given_up_refreshes() -%}
    {%- set question -%}
        select table_schema, table_name
        from information_schema.tables
        where
            table_type = 'BASE TABLE'
            and table_name like '%refresh%'
            {%- if target.database %} and table_catalog = '{{ target.database }}' {%- endif %}
    {%- endset -%}
    {%- set found = [] -%}
    {%- for schema, name in run_query(question).rows
        if schema.startswith(target.schema ~ '_')
        and modules.re.fullmatch('.+__refresh_[0-9a-f]{8}', name) -%}
        {%- do found.append(api.Relation.create(
            database=target.database, schema=schema, identifier=name, type='table'
        )) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
