-- Grain: one row per user, as Genesys last described it.

with

{{ newest_entities('users') }},

renamed as (

    select
        -- ids
        record_id as user_id,
        {{ json_text('document', 'division.id') }} as division_id,
        {{ json_text('document', 'manager.id') }} as manager_user_id,

        -- strings
        {{ json_text('document', 'name') }} as user_name,
        {{ json_text('document', 'preferredName') }} as preferred_name,
        {{ json_text('document', 'email') }} as email,
        {{ json_text('document', 'department') }} as department,
        {{ json_text('document', 'title') }} as title,
        {{ json_text('document', 'state') }} as state,

        -- booleans
        is_missing or coalesce({{ json_text('document', 'state') }}, '') = 'deleted' as is_deleted,

        -- timestamps, UTC
        extracted_at

    from newest

)

select * from renamed
