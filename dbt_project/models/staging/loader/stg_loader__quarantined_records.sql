-- Grain: one row per record that was refused, each time it was.

with

source as (

    select * from {{ raw_table('loader', 'quarantined_records') }}

),

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}

),

numbered as (

    -- The same place of the same page in the same load is a replayed package.
    select
        source.*,
        committed_loads.loaded_at,
        row_number() over (
            partition by
                source._dlt_load_id,
                source.resource,
                source.window_start,
                source.page_number,
                source.position,
                source.payload_hash
            order by source.extracted_at desc, source.reason asc
        ) as copy_number
    from source
    inner join committed_loads
        on source._dlt_load_id = committed_loads.load_id

),

renamed as (

    select
        -- ids
        record_id,
        _dlt_load_id as load_id,
        payload_hash,

        -- strings
        resource,
        reason,

        -- numbers
        page_number,
        position as page_position,

        -- timestamps, UTC
        {{ utc('window_start') }} as window_start,
        {{ utc('window_end') }} as window_end,
        {{ utc('extracted_at') }} as extracted_at,
        loaded_at,

        -- as it came, perhaps no JSON at all
        payload

    from numbered
    where copy_number = 1

)

select * from renamed
