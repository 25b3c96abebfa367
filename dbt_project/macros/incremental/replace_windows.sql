{#- Incremental strategy `replace_windows`: the buckets of every window that was read since are
    deleted, then what the model's query returned for those windows is inserted, in one
    transaction. A bucket or group that the newest read lacks is gone, as it is from the answer.
    The windows are those of the resource named in the config: meta: {reads_of: <resource>}. -#}
{% macro get_incremental_replace_windows_sql(arg_dict) %}

    {%- set resource = config.get('meta', {}).get('reads_of') -%}
    {%- if not resource -%}
        {{ exceptions.raise_compiler_error(
            this.identifier ~ ": incremental_strategy replace_windows needs"
            " meta: {reads_of: <resource of the ledger>}"
        ) }}
    {%- endif -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set relation = arg_dict['target_relation'] -%}

    delete from {{ relation }}
    where exists (
        select 1
        from {{ completed_reads(resource) }}
        where
            completed_reads.loaded_at > {{ loaded_through() }}
            and {{ relation }}.bucket_started_at >= completed_reads.window_start
            and {{ relation }}.bucket_started_at < completed_reads.window_end
    );

    insert into {{ relation }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}

{% endmacro %}
