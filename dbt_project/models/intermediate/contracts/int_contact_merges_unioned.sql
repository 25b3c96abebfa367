-- Grain: one row per contact, the contact it went into, and the contact whose record says so,
-- whichever contract it was read by.

with

platform as (

    select
        contact_id,
        merged_into_contact_id,
        stated_by_contact_id,
        stated_at,
        loaded_at
    from {{ ref('stg_platform__contact_merges') }}

)

select * from platform
