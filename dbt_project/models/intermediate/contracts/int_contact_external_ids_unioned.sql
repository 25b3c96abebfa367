-- Grain: one row per contact, external source and id, whichever contract it was read by.

with

platform as (

    select
        contact_id,
        external_source_id,
        external_source_name,
        external_id,
        loaded_at
    from {{ ref('stg_platform__external_contact_ids') }}

)

select * from platform
