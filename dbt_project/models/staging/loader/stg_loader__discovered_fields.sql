-- Grain: one row per run, resource and field that the run found, in our mapping or at the source.

with

source as (

    select * from {{ raw_table('loader', 'discovered_fields') }}

),

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}

),

numbered as (

    -- A run asks once: the same field twice is a replayed package.
    select
        source.*,
        committed_loads.loaded_at,
        row_number() over (
            partition by source.run_id, source.resource, source.field_name
            order by source.discovered_at desc, source.is_live desc, source.is_mapped desc
        ) as copy_number
    from source
    inner join committed_loads
        on source._dlt_load_id = committed_loads.load_id

),

renamed as (

    select
        -- ids
        run_id,
        _dlt_load_id as load_id,

        -- strings
        resource,
        field_name,

        -- booleans
        is_mapped,
        is_live,

        -- timestamps, UTC
        {{ utc('discovered_at') }} as discovered_at,
        loaded_at

    from numbered
    where copy_number = 1

)

select * from renamed
