{#- The CTEs that begin a table with one row per record, incremental by load; the last is versions,
    one row per version of each record that the slice's loads brought: keys only, as choosing among
    keys costs nothing and carrying the payloads along would cost all. A record is chosen from all
    its versions, so neither late nor out-of-order versions are lost.

    load_id is a completed load that holds the version. Who opens its payload joins by that too: a
    load that was killed and read again has left the same version under an id that counts nowhere. -#}
{% macro record_versions(source_name, table_name) -%}
source as (

    select * from {{ raw_table(source_name, table_name) }}

),

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}

),

new_loads as (

    select load_id
    from committed_loads
    where {{ newly_loaded() }}

),

changed as (

    select source.record_id
    from source
    inner join new_loads
        on source._dlt_load_id = new_loads.load_id
    group by source.record_id

),

versions as (

    select
        source.record_id,
        source.extracted_at,
        source.payload_hash,
        min(source._dlt_load_id) as load_id,
        min(committed_loads.loaded_at) as loaded_at,
        max(committed_loads.loaded_at) as last_loaded_at,
        min(source.window_start) as window_start,
        min(source.window_end) as window_end,
        count(*) as copy_count
    from source
    inner join committed_loads
        on source._dlt_load_id = committed_loads.load_id
    inner join changed
        on source.record_id = changed.record_id
    group by source.record_id, source.extracted_at, source.payload_hash

)
{%- endmacro %}


{#- The same, and the newest version of each record; the last CTE is documents, with record_id,
    extracted_at, payload_hash, loaded_at and payload_json. -#}
{% macro newest_versions(source_name, table_name) -%}
{{ record_versions(source_name, table_name) }},

numbered as (

    select
        *,
        row_number() over (
            partition by record_id
            order by extracted_at desc, payload_hash desc
        ) as version_number
    from versions

),

newest as (

    -- A version that another slice brought is in the table already, or will be.
    select * from numbered
    where
        version_number = 1
        and {{ newly_loaded() }}

),

{{ newest_payloads() }}
{%- endmacro %}


{#- The CTEs that follow a CTE newest, of keys, and open what it names in the CTE source; the last
    is documents. -#}
{% macro newest_payloads() -%}
payloads as (

    select
        newest.record_id,
        newest.extracted_at,
        newest.payload_hash,
        newest.loaded_at,
        source.payload
    from source
    inner join newest
        on
            source.record_id = newest.record_id
            and source.extracted_at = newest.extracted_at
            and source.payload_hash = newest.payload_hash
            and source._dlt_load_id = newest.load_id
    where
        newest.copy_count = 1
        and {{ newly_loaded_files('source._dlt_load_id') }}

    union all

    -- A package loaded again after a crash brings equal rows: equal hash, equal payload.
    select
        newest.record_id,
        newest.extracted_at,
        newest.payload_hash,
        newest.loaded_at,
        min(source.payload) as payload
    from source
    inner join newest
        on
            source.record_id = newest.record_id
            and source.extracted_at = newest.extracted_at
            and source.payload_hash = newest.payload_hash
            and source._dlt_load_id = newest.load_id
    where
        newest.copy_count > 1
        and {{ newly_loaded_files('source._dlt_load_id') }}
    group by newest.record_id, newest.extracted_at, newest.payload_hash, newest.loaded_at

),

documents as {{ computed_once() }} (

    select
        record_id,
        extracted_at,
        payload_hash,
        loaded_at,
        {{ json_parse('payload') }} as payload_json
    from payloads

)
{%- endmacro %}
