-- Grain: one row per committed load.
-- A row of the raw tables counts only when its load is here: rows of a load that was never
-- committed are read again by the loader, under another load.

with

source as (

    select * from {{ raw_table('loader', '_dlt_loads') }}

),

committed as (

    -- A process killed at the wrong moment lists the same load twice.
    select
        load_id,
        min(inserted_at) as committed_at
    from source
    where status = 0
    group by load_id

),

renamed as (

    select
        -- ids
        load_id,

        -- timestamps, UTC
        {{ timestamp_from_epoch_text('load_id') }} as loaded_at,
        {{ utc('committed_at') }} as committed_at

    from committed

)

select * from renamed
