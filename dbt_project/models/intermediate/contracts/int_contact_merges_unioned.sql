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

),

guides as (

    select
        contact_id,
        merged_into_contact_id,
        stated_by_contact_id,
        stated_at,
        loaded_at
    from {{ ref('stg_guides__contact_merges') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
