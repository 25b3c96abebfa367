{#- Incremental strategy `replace_windows`: the buckets of the time for which a read of the slice is
    now the newest are deleted, then what the model's query returned for it is inserted, in one
    transaction. A bucket or group that the newest read lacks is gone, as it is from the answer.
    The windows are those of the resource named in the config: made_of: {reads_of: <resource>}. -#}
{% macro get_incremental_replace_windows_sql(arg_dict) %}

    {%- set resource = config.get('made_of', {}).get('reads_of') -%}
    {%- if not resource -%}
        {{ exceptions.raise_compiler_error(
            this.identifier ~ ": incremental_strategy replace_windows needs"
            " made_of: {reads_of: <resource of the ledger>}"
        ) }}
    {%- endif -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set relation = arg_dict['target_relation'] -%}

    delete from {{ relation }}
    where exists (
        select 1
        from {{ owned_segments(resource) }}
        where
            {{ relation }}.bucket_started_at >= owned_segments.segment_started_at
            and {{ relation }}.bucket_started_at < owned_segments.segment_ended_at
    );

    insert into {{ relation }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}

{% endmacro %}
