{#- The CTEs that every reference table begins with: the newest version of each entity, and whether
    the newest complete snapshot still holds it. A snapshot is complete when the ledger says that
    its window was loaded: after a crash in mid-snapshot, the entities of the missing pages are not
    taken for deleted; nor are those beyond the rows a source lists (the ledger's adjustment). -#}
{% macro newest_entities(table_name) -%}
source as (

    select * from {{ raw_table('platform', table_name) }}

),

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}

),

complete_snapshots as (

    select max(window_start) as snapshot_at
    from {{ ref('stg_loader__extract_windows') }}
    where
        resource = '{{ table_name }}'
        and status = 'loaded'
        -- A list the source does not list to its end is loaded, and nobody's end.
        and adjustment is null

),

numbered as (

    select
        source.record_id,
        source.payload,
        {{ utc('source.extracted_at') }} as extracted_at,
        {{ utc('source.window_start') }} as snapshot_at,
        row_number() over (
            partition by source.record_id
            order by
                source.window_start desc,
                source.extracted_at desc,
                source.payload_hash desc,
                committed_loads.loaded_at desc
        ) as version_number
    from source
    inner join committed_loads
        on source._dlt_load_id = committed_loads.load_id

),

newest as {{ computed_once() }} (

    select
        numbered.record_id,
        numbered.extracted_at,
        {{ json_parse('numbered.payload') }} as payload_json,
        coalesce(numbered.snapshot_at < complete_snapshots.snapshot_at, false) as is_missing
    from numbered
    cross join complete_snapshots
    where numbered.version_number = 1

)
{%- endmacro %}
