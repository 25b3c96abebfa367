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

),

guides as (

    -- The guides know one other system, the CRM, and no id of it.
    select
        contact_id,
        cast(null as {{ dbt.type_string() }}) as external_source_id,
        'CRM' as external_source_name,
        external_id,
        loaded_at
    from {{ ref('stg_guides__contacts') }}
    where external_id is not null

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
