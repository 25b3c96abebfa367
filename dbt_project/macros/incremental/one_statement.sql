{#- Incremental models on engines that keep what one statement does, and have no transaction of several
    that dbt's adapters would roll back: Spark, Databricks, Snowflake and BigQuery. A table is made, or
    made anew, by one CREATE OR REPLACE, and what others delete and insert in a slice is one MERGE. A
    build that was killed goes on after the last of them.

    A query is not cut into slices for its memory: these engines spill. -#}
{% materialization incremental, adapter='spark', supported_languages=['sql'] -%}
    {{ return(incremental_by_statements()) }}
{%- endmaterialization %}

{#- These adapters have one of their own. -#}
{% materialization incremental, adapter='databricks', supported_languages=['sql'] -%}
    {{ return(incremental_by_statements()) }}
{%- endmaterialization %}

{% materialization incremental, adapter='snowflake', supported_languages=['sql'] -%}
    {{ return(incremental_by_statements()) }}
{%- endmaterialization %}

{% materialization incremental, adapter='bigquery', supported_languages=['sql'] -%}
    {{ return(incremental_by_statements()) }}
{%- endmaterialization %}


{% macro incremental_by_statements() -%}
    {%- set query = model['compiled_code'] -%}
    {%- set in_place = load_cached_relation(this) -%}
    {%- set is_there = in_place is not none and in_place.type == 'table' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set columns = adapter.get_columns_in_relation(in_place)
        if is_there and not should_full_refresh() else [] -%}
    {%- set is_made = not is_there or should_full_refresh() or is_of_other_rules(in_place, columns) -%}

    {{ run_hooks(pre_hooks) }}

    {%- if is_made -%}
        {%- if is_there -%} {%- do forget_passed_tests() -%} {%- endif -%}
        {%- if in_place is not none and not is_there -%}
            {%- do adapter.drop_relation(in_place) -%}
        {%- endif -%}
        {%- call statement('main') -%}
            {{ get_create_table_as_sql(False, target_relation, query) }}
        {%- endcall -%}
    {%- else -%}
        {%- set slices = slices_to_build(target_relation, false) -%}
        {#- Not where nothing is new: the query is planned for it. -#}
        {%- if slices -%} {%- do assert_columns_are_there(columns) -%} {%- endif -%}
        {%- for slice in slices -%}
            {%- call statement('main') -%}
                {{ replace_sql(target_relation, columns, query, slice) }}
            {%- endcall -%}
            {%- do drop_merged_rows(target_relation) -%}
            {%- if slice.contacts -%} {%- do drop_changed_contacts(slice.contacts) -%} {%- endif -%}
        {%- else -%}
            {%- call noop_statement('main', 'NOTHING NEW') -%} {{ query }} {%- endcall -%}
        {%- endfor -%}
    {%- endif -%}

    {%- do apply_grants(
        target_relation, config.get('grants'), should_revoke=should_revoke(in_place, is_made)
    ) -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmacro %}


{#- Columns that a model has gained or lost: as on_schema_change: fail, and before anything is written.
    Against the contract, or where there is none against what is named in the yml. -#}
{% macro assert_columns_are_there(columns) -%}
    {%- set found = columns | map(attribute='name') | map('lower') | sort | list -%}
    {%- if config.get('contract').enforced -%}
        {#- The contract of the registry's columns is made when it is looked at. -#}
        {%- do get_assert_columns_equivalent(model['compiled_code']) -%}
        {%- set wanted = model['columns'].values() | map(attribute='name') | map('lower') | sort | list -%}
    {%- else -%}
        {%- set wanted = get_column_schema_from_query(model['compiled_code'])
            | map(attribute='name') | map('lower') | sort | list -%}
    {%- endif -%}
    {%- if found != wanted -%}
        {{ exceptions.raise_compiler_error(
            "the columns of " ~ this ~ " are not those of its model any more (" ~ (
                (wanted | reject('in', found) | list) + (found | reject('in', wanted) | list)
            ) | join(', ') ~ "); build it once with --full-refresh"
        ) }}
    {%- endif -%}
{%- endmacro %}


{#- What a slice brings, as one statement, by the model's incremental strategy. -#}
{% macro replace_sql(target, columns, query, slice) -%}
    {%- set strategy = config.get('incremental_strategy') -%}
    {%- set made_of = config.get('made_of', {}) -%}
    {%- set rows = in_slice(query, slice) -%}
    {%- if strategy == 'append' -%}
        {%- set names = columns | map(attribute='quoted') | join(', ') -%}
        insert into {{ target }} ({{ names }})
        select {{ names }} from (
            {{ rows }}
        ) as slice_rows
    {%- elif strategy == 'delete+insert' -%}
        {%- set key = config.get('unique_key') -%}
        merge into {{ target }} as target
        using (
            {{ merged_rows(target, rows) }}
        ) as source
        on
            {%- for column in ([key] if key is string else key) %}
            target.{{ column }} = source.{{ column }} {{- ' and' if not loop.last }}
            {%- endfor %}
        when matched then update set
            {%- for column in columns %}
            {{ column.quoted }} = source.{{ column.quoted }} {{- ',' if not loop.last }}
            {%- endfor %}
        when not matched then insert ({{ columns | map(attribute='quoted') | join(', ') }})
        values (
            {%- for column in columns %}
            source.{{ column.quoted }} {{- ',' if not loop.last }}
            {%- endfor %}
        )
    {%- elif strategy == 'replace_conversations' -%}
        {%- set keys -%}
            select conversation_id as replaced_conversation_id
            from {{ ref(made_of.conversations) }}
            where {{ newly_loaded() }}
            group by conversation_id
        {%- endset -%}
        {{ merge_of_rows_and_keys(
            target, columns, rows, in_slice(keys, slice),
            {'replaced_conversation_id': 'text'},
            "target.conversation_id = source.replaced_conversation_id"
        ) }}
    {%- elif strategy == 'replace_contacts' -%}
        {%- set keys -%}
            select canonical_contact_id as replaced_contact_id from {{ slice.contacts }}
        {%- endset -%}
        {{ merge_of_rows_and_keys(
            target, columns, rows, keys, {'replaced_contact_id': 'text'},
            "target.canonical_contact_id = source.replaced_contact_id"
        ) }}
    {%- elif strategy == 'replace_loads' -%}
        {%- set keys -%}
            select loaded_at as replaced_load
            from {{ target }}
            where {{ newly_loaded() }}
            group by loaded_at
        {%- endset -%}
        {{ merge_of_rows_and_keys(
            target, columns, rows, in_slice(keys, slice), {'replaced_load': 'timestamp'},
            "target.loaded_at = source.replaced_load"
        ) }}
    {%- elif strategy == 'replace_windows' -%}
        {%- set keys -%}
            select
                segment_started_at as replaced_from,
                segment_ended_at as replaced_to
            from {{ owned_segments(made_of.reads_of) }}
        {%- endset -%}
        {{ merge_of_rows_and_stretches(
            target, columns, rows, in_slice(keys, slice), 'bucket_started_at'
        ) }}
    {%- elif strategy == 'replace_intervals' -%}
        {%- set zone = var('report_time_zone') -%}
        {%- set keys -%}
            select
                {{ period_started_at(read_from(), zone, made_of.period) }} as replaced_from,
                {{ period_started_at(read_to(), zone, made_of.period, 1) }} as replaced_to
        {%- endset -%}
        {{ merge_of_rows_and_stretches(
            target, columns, rows, in_slice(keys, slice), 'interval_started_at'
        ) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            this.identifier ~ ": incremental_strategy " ~ strategy ~ " has no SQL as one statement;"
            " add it to dbt_project/macros/incremental/one_statement.sql"
        ) }}
    {%- endif -%}
{%- endmacro %}


{#- Rows whose time lies in a stretch are replaced. The date beside it, so that rows meet by it and not
    each with each. -#}
{% macro merge_of_rows_and_stretches(target, columns, rows, keys, column) -%}
    {{ merge_of_rows_and_keys(
        target, columns, rows, dates_of_stretches(keys),
        {'replaced_from': 'timestamp', 'replaced_to': 'timestamp', 'replaced_date': 'date'},
        "cast(target." ~ column ~ " as date) = source.replaced_date"
        ~ " and target." ~ column ~ " >= source.replaced_from"
        ~ " and target." ~ column ~ " < source.replaced_to"
    ) }}
{%- endmacro %}


{#- One MERGE: keys without a row delete what they match; rows without a key match nothing and are
    inserted. Keys must be different from each other, or one row would be matched twice. -#}
{% macro merge_of_rows_and_keys(target, columns, rows, keys, key_types, condition) -%}
    {%- set source -%}
        select
            true as is_row,
            {%- for key, type in key_types.items() %}
            cast(null as {{ sql_type(type) }}) as {{ key }},
            {%- endfor %}
            {{ columns | map(attribute='quoted') | join(', ') }}
        from (
            {{ rows }}
        ) as slice_rows
        union all
        select
            false as is_row,
            {%- for key in key_types %}
            {{ key }},
            {%- endfor %}
            {%- for column in columns %}
            cast(null as {{ column.data_type }}) as {{ column.quoted }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        from (
            {{ keys }}
        ) as replaced
    {%- endset -%}
    merge into {{ target }} as target
    using (
        {{ merged_rows(target, source) }}
    ) as source
    on {{ condition }}
    when matched then delete
    when not matched and source.is_row then insert (
        {{- columns | map(attribute='quoted') | join(', ') -}}
    )
    values (
        {%- for column in columns %}
        source.{{ column.quoted }} {{- ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}


{#- What a MERGE takes in, as a query: itself, or of what it was written to first. -#}
{% macro merged_rows(target, query) -%}
    {{ return(adapter.dispatch('merged_rows', 'genesys')(target, query)) }}
{%- endmacro %}

{% macro default__merged_rows(target, query) -%} {{ return(query) }} {%- endmacro %}

{#- The MERGE then does nothing but that, and locks what it changes for as long only. A table by its full
    name: a temporary one would be of the session's schema, of which there may be none. -#}
{% macro snowflake__merged_rows(target, query) -%}
    {%- set written = beside(target, '__slice') -%}
    {%- call statement('slice') -%}
        create or replace transient table {{ written }} as
        {{ query }}
    {%- endcall -%}
    {{ return('select * from ' ~ written) }}
{%- endmacro %}


{#- What a slice has left behind. -#}
{% macro drop_merged_rows(target) -%}
    {{ return(adapter.dispatch('drop_merged_rows', 'genesys')(target)) }}
{%- endmacro %}

{% macro default__drop_merged_rows(target) -%} {%- endmacro %}

{% macro snowflake__drop_merged_rows(target) -%}
    {%- call statement('slice') -%} drop table if exists {{ beside(target, '__slice') }} {%- endcall -%}
{%- endmacro %}


{#- The table of a name that begins with another's, in its schema. -#}
{% macro beside(relation, suffix) -%}
    {{ return(relation.incorporate(
        path={'identifier': relation.identifier ~ suffix}, type='table'
    )) }}
{%- endmacro %}


{#- The dates beside stretches of time, for engines that join rows by what is equal only. -#}
{% macro dates_of_stretches(stretches) -%}
    {{ return(adapter.dispatch('dates_of_stretches', 'genesys')(stretches)) }}
{%- endmacro %}

{% macro default__dates_of_stretches(stretches) -%}
    {{ exceptions.raise_compiler_error("dates_of_stretches has no version for " ~ target.type) }}
{%- endmacro %}

{% macro spark__dates_of_stretches(stretches) -%}
    select
        replaced_from,
        replaced_to,
        explode(sequence(cast(replaced_from as date), cast(replaced_to as date))) as replaced_date
    from ({{ stretches }}) as stretches
{%- endmacro %}

{% macro bigquery__dates_of_stretches(stretches) -%}
    select
        replaced_from,
        replaced_to,
        replaced_date
    from ({{ stretches }}) as stretches
    cross join unnest(
        generate_date_array(cast(replaced_from as date), cast(replaced_to as date))
    ) as replaced_date
{%- endmacro %}

{% macro snowflake__dates_of_stretches(stretches) -%}
    select
        stretches.replaced_from,
        stretches.replaced_to,
        dateadd(day, days.value::int, cast(stretches.replaced_from as date)) as replaced_date
    from ({{ stretches }}) as stretches
    cross join lateral flatten(
        input => array_generate_range(
            0, datediff(day, stretches.replaced_from, stretches.replaced_to) + 1
        )
    ) as days
{%- endmacro %}


{#- update_from where UPDATE knows no other table, or knows it by another syntax. -#}
{% macro update_by_merge(relation, key, columns) -%}
    merge into {{ this }} as target
    using (select * from {{ relation }} as rows_of_now) as source
    on target.{{ key }} = source.{{ key }}
    when matched and (
        {%- for column in columns %}
        {{ 'or ' if not loop.first }}target.{{ column }} is distinct from source.{{ column }}
        {%- endfor %}
    )
        then update set
        {%- for column in columns %}
        {{ column }} = source.{{ column }} {{- ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}

{% macro spark__update_from(relation, key, columns) -%}
    {{ update_by_merge(relation, key, columns) }}
{%- endmacro %}

{% macro snowflake__update_from(relation, key, columns) -%}
    {{ update_by_merge(relation, key, columns) }}
{%- endmacro %}

{% macro bigquery__update_from(relation, key, columns) -%}
    {{ update_by_merge(relation, key, columns) }}
{%- endmacro %}


{#- Nothing is filled beside the table it is to replace. -#}
{% macro spark__given_up_refreshes() -%} {{ return([]) }} {%- endmacro %}

{% macro snowflake__given_up_refreshes() -%} {{ return([]) }} {%- endmacro %}

{% macro bigquery__given_up_refreshes() -%} {{ return([]) }} {%- endmacro %}


{#- One slice of all that is new, up to a petabyte. -#}
{% macro spark__slice_megabytes() -%} {{ return(1073741824) }} {%- endmacro %}

{% macro snowflake__slice_megabytes() -%} {{ return(1073741824) }} {%- endmacro %}

{% macro bigquery__slice_megabytes() -%} {{ return(1073741824) }} {%- endmacro %}


{#- A table by its full name, for the reason above; BigQuery has temporary ones in a script only. -#}
{% macro snowflake__make_changed_contacts(relation) -%}
    {{ return(changed_contacts_beside(relation, 'transient table')) }}
{%- endmacro %}

{% macro bigquery__make_changed_contacts(relation) -%}
    {{ return(changed_contacts_beside(relation, 'table')) }}
{%- endmacro %}

{% macro changed_contacts_beside(relation, kind) -%}
    {%- set changed = beside(relation, '__contacts') -%}
    {%- call statement('contacts') -%}
        create or replace {{ kind }} {{ changed }} as
        {{ contacts_to_build(relation) }}
    {%- endcall -%}
    {{ return(changed) }}
{%- endmacro %}


{#- Partitions by the month of the load on BigQuery, which bills the bytes it reads: what a build has to
    take in is asked for by load, and rows that are replaced are found by their key in blocks sorted by
    it. dbt-bigquery calls these two of every table; a model's own config comes first. -#}
{% macro partition_by(partition_config) -%}
    {%- if partition_config is not none -%}
        partition by {{ partition_config.render() }}
    {%- elif config.get('materialized') == 'incremental' -%}
        partition by timestamp_trunc(loaded_at, month)
    {%- endif -%}
{%- endmacro %}

{% macro cluster_by(raw_cluster_by) -%}
    {%- set keys = raw_cluster_by or {
        'delete+insert': config.get('unique_key'),
        'replace_conversations': 'conversation_id',
        'replace_contacts': 'canonical_contact_id',
        'replace_windows': 'bucket_started_at',
        'replace_intervals': 'interval_started_at',
    }.get(config.get('incremental_strategy')) -%}
    {%- if keys -%}
        cluster by {{ keys if keys is string else keys[:4] | join(', ') }}
    {%- endif -%}
{%- endmacro %}
