-- Grain: one row per resource, window and time of asking in which a record was seen for the first
-- time, whichever contract it was read by.

with

platform as (

    select
        resource,
        record_count,
        window_start,
        window_end,
        first_extracted_at,
        loaded_at
    from {{ ref('stg_platform__record_arrivals') }}

),

guides as (

    select
        resource,
        record_count,
        window_start,
        window_end,
        first_extracted_at,
        loaded_at
    from {{ ref('stg_guides__record_arrivals') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
