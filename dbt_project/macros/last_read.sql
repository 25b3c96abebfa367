{#- For the freshness of a raw table: when its resource was last read to the end of a window, as the
    ledger says. What never came to an end is as old as its first attempt, what nobody has asked for
    yet (it may be of the other contract) is not old at all. -#}
{% macro last_read(table) -%}
    select
        coalesce(
            max(case when status = 'loaded' then finished_at end),
            min(finished_at),
            current_timestamp
        ) as last_read_at
    from {{ source('loader', 'extract_windows') }}
    where
        resource = '{{ table.identifier }}'
        and _dlt_load_id in (
            select load_id
            from {{ source('loader', '_dlt_loads') }}
            where status = 0
        )
{%- endmacro %}
