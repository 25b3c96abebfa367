-- Grain: one row per resource, load and top-level field of its records, whichever contract it was
-- read by.

with

platform as (

    select
        load_id,
        resource_name,
        field_name,
        record_count,
        first_extracted_at,
        last_extracted_at,
        loaded_at
    from {{ ref('stg_platform__record_fields') }}

),

guides as (

    select
        load_id,
        resource_name,
        field_name,
        record_count,
        first_extracted_at,
        last_extracted_at,
        loaded_at
    from {{ ref('stg_guides__record_fields') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
