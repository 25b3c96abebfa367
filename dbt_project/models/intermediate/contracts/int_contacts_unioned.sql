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

),

guides as (

    select
        contact_id,
        cast(null as {{ dbt.type_string() }}) as division_id,
        contact_type,
        first_name,
        cast(null as {{ dbt.type_string() }}) as middle_name,
        last_name,
        cast(null as {{ dbt.type_string() }}) as title,
        emails,
        phones,
        merged_to_contact_id as canonical_contact_id,
        merged_to_contact_id,
        cast(null as boolean) as is_survey_opt_out,
        false as is_gone,
        cast(null as timestamp) as created_at,
        cast(null as timestamp) as modified_at,
        extracted_at as stated_at,
        extracted_at,
        loaded_at
    from {{ ref('stg_guides__contacts') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
