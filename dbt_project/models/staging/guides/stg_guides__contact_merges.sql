-- Grain: one row per contact, the contact it went into, and the contact whose record says so.
-- A merge is told twice: by mergedTo of the one and by mergedFromIds of the other.

with

contacts as (

    select * from {{ ref('stg_guides__contacts') }}

),

merged_from as (

    select
        contacts.contact_id,
        contacts.extracted_at,
        contacts.loaded_at,
        {{ json_value_text('merged.value') }} as merged_contact_id
    from {{ json_array_elements('contacts', 'contacts.merged_sources_json', 'merged') }}

),

statements as (

    select
        contact_id,
        merged_to_contact_id as merged_into_contact_id,
        contact_id as stated_by_contact_id,
        extracted_at as stated_at,
        loaded_at
    from contacts

    union all

    select
        merged_contact_id as contact_id,
        contact_id as merged_into_contact_id,
        contact_id as stated_by_contact_id,
        extracted_at as stated_at,
        loaded_at
    from merged_from

),

final as (

    -- Genesys does not promise that a list names an id once.
    select
        contact_id,
        merged_into_contact_id,
        stated_by_contact_id,
        stated_at,
        loaded_at
    from statements
    where contact_id <> merged_into_contact_id
    group by
        contact_id, merged_into_contact_id, stated_by_contact_id, stated_at, loaded_at

)

select * from final
