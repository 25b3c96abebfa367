-- Grain: one row per user, as Genesys last described it.

with

{{ newest_entities('users') }},

renamed as (

    select
        -- ids
        record_id as user_id,
        {{ json_text('payload_json', 'division.id') }} as division_id,
        {{ json_text('payload_json', 'manager.id') }} as manager_user_id,

        -- strings
        {{ json_text('payload_json', 'name') }} as user_name,
        {{ json_text('payload_json', 'preferredName') }} as preferred_name,
        {{ json_text('payload_json', 'email') }} as email,
        {{ json_text('payload_json', 'department') }} as department,
        {{ json_text('payload_json', 'title') }} as title,
        {{ json_text('payload_json', 'state') }} as state,

        -- booleans
        is_missing
        or coalesce({{ json_text('payload_json', 'state') }}, '') = 'deleted' as is_deleted,

        -- timestamps, UTC
        extracted_at

    from newest

)

select * from renamed
