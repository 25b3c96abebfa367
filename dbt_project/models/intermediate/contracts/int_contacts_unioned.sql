-- Grain: one row per external contact, whichever contract it was read by.

with

platform as (

    select
        contact_id,
        division_id,
        contact_type,
        first_name,
        middle_name,
        last_name,
        title,
        emails,
        phones,
        canonical_contact_id,
        merged_to_contact_id,
        is_survey_opt_out,
        is_gone,
        created_at,
        modified_at,
        scanned_at as stated_at,
        extracted_at,
        loaded_at
    from {{ ref('stg_platform__external_contacts') }}

)

select * from platform
