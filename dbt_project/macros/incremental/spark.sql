{#- Incremental models on Spark. It has no transaction of several statements, so what must not be seen
    by halves is one statement, which Iceberg and Delta write as one commit: a table is made, or made
    anew, by one CREATE OR REPLACE, and what others delete and insert in a slice is one MERGE. A
    build that was killed goes on after the last of them.

    A query is not cut into slices for its memory: Spark spills. -#}
{% materialization incremental, adapter='spark', supported_languages=['sql'] -%}
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
        {%- do assert_columns_are_there(columns) -%}
        {%- for slice in slices_to_build(target_relation, false) -%}
            {%- call statement('main') -%}
                {{ spark__replace_sql(target_relation, columns, query, slice) }}
            {%- endcall -%}
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
{%- endmaterialization %}


{#- Columns that a model has gained or lost: as on_schema_change: fail, and before anything is written.
    Against the contract, or where there is none against what is named in the yml. -#}
{% macro assert_columns_are_there(columns) -%}
    {%- set found = columns | map(attribute='name') | map('lower') | sort | list -%}
    {%- if config.get('contract').enforced -%}
        {%- set wanted = model['columns'].keys() | map('lower') | sort | list -%}
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
{% macro spark__replace_sql(target, columns, query, slice) -%}
    {%- set strategy = config.get('incremental_strategy') -%}
    {%- set meta = config.get('meta', {}) -%}
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
            {{ rows }}
        ) as source
        on
            {%- for column in ([key] if key is string else key) %}
            target.{{ column }} = source.{{ column }} {{- ' and' if not loop.last }}
            {%- endfor %}
        when matched then update set
            {%- for column in columns %}
            target.{{ column.quoted }} = source.{{ column.quoted }} {{- ',' if not loop.last }}
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
            from {{ ref(meta.conversations) }}
            where {{ newly_loaded() }}
            group by conversation_id
        {%- endset -%}
        {{ spark__merge_of_rows_and_keys(
            target, columns, rows, in_slice(keys, slice),
            {'replaced_conversation_id': 'string'},
            "target.conversation_id = source.replaced_conversation_id"
        ) }}
    {%- elif strategy == 'replace_contacts' -%}
        {%- set keys -%}
            select canonical_contact_id as replaced_contact_id from {{ slice.contacts }}
        {%- endset -%}
        {{ spark__merge_of_rows_and_keys(
            target, columns, rows, keys, {'replaced_contact_id': 'string'},
            "target.canonical_contact_id = source.replaced_contact_id"
        ) }}
    {%- elif strategy == 'replace_loads' -%}
        {%- set keys -%}
            select loaded_at as replaced_load
            from {{ target }}
            where {{ newly_loaded() }}
            group by loaded_at
        {%- endset -%}
        {{ spark__merge_of_rows_and_keys(
            target, columns, rows, in_slice(keys, slice), {'replaced_load': 'timestamp'},
            "target.loaded_at = source.replaced_load"
        ) }}
    {%- elif strategy == 'replace_windows' -%}
        {%- set keys -%}
            select
                segment_started_at as replaced_from,
                segment_ended_at as replaced_to,
                explode(
                    sequence(cast(segment_started_at as date), cast(segment_ended_at as date))
                ) as replaced_date
            from {{ owned_segments(meta.reads_of) }}
        {%- endset -%}
        {{ spark__merge_of_rows_and_stretches(
            target, columns, rows, in_slice(keys, slice), 'bucket_started_at'
        ) }}
    {%- elif strategy == 'replace_intervals' -%}
        {%- set zone = var('report_time_zone') -%}
        {%- set keys -%}
            select
                replaced_from,
                replaced_to,
                explode(
                    sequence(cast(replaced_from as date), cast(replaced_to as date))
                ) as replaced_date
            from (
                select
                    {{ period_started_at(read_from(), zone, meta.period) }} as replaced_from,
                    {{ period_started_at(read_to(), zone, meta.period, 1) }} as replaced_to
            ) as periods
        {%- endset -%}
        {{ spark__merge_of_rows_and_stretches(
            target, columns, rows, in_slice(keys, slice), 'interval_started_at'
        ) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            this.identifier ~ ": incremental_strategy " ~ strategy ~ " has no SQL on Spark;"
            " add it to dbt_project/macros/incremental/spark.sql"
        ) }}
    {%- endif -%}
{%- endmacro %}


{#- Rows whose time lies in a stretch are replaced. The date beside it, so that rows meet by it and not
    each with each. -#}
{% macro spark__merge_of_rows_and_stretches(target, columns, rows, keys, column) -%}
    {{ spark__merge_of_rows_and_keys(
        target, columns, rows, keys,
        {'replaced_from': 'timestamp', 'replaced_to': 'timestamp', 'replaced_date': 'date'},
        "cast(target." ~ column ~ " as date) = source.replaced_date"
        ~ " and target." ~ column ~ " >= source.replaced_from"
        ~ " and target." ~ column ~ " < source.replaced_to"
    ) }}
{%- endmacro %}


{#- One MERGE: keys without a row delete what they match; rows without a key match nothing and are
    inserted. Keys must be different from each other, or one row would be matched twice. -#}
{% macro spark__merge_of_rows_and_keys(target, columns, rows, keys, key_types, condition) -%}
    merge into {{ target }} as target
    using (
        select
            true as is_row,
            {%- for key, type in key_types.items() %}
            cast(null as {{ type }}) as {{ key }},
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
            cast(null as {{ column.dtype }}) as {{ column.quoted }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        from (
            {{ keys }}
        ) as replaced
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


{#- UPDATE knows no other table here. -#}
{% macro spark__update_from(relation, key, columns) -%}
    merge into {{ this }} as target
    using {{ relation }} as source
    on target.{{ key }} = source.{{ key }}
    when matched and (
        {%- for column in columns %}
        {{ 'or ' if not loop.first }}not target.{{ column }} <=> source.{{ column }}
        {%- endfor %}
    )
        then update set
        {%- for column in columns %}
        target.{{ column }} = source.{{ column }} {{- ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}


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


{#- Nothing is filled beside the table it is to replace. -#}
{% macro spark__given_up_refreshes() -%} {{ return([]) }} {%- endmacro %}


{#- One slice of all that is new, up to a petabyte. -#}
{% macro spark__slice_megabytes() -%} {{ return(1073741824) }} {%- endmacro %}
