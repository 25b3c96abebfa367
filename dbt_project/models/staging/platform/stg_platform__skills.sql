-- Grain: one row per skill, as Genesys last described it.

with

{{ newest_entities('skills') }},

renamed as (

    select
        -- ids
        record_id as skill_id,

        -- strings
        {{ json_text('payload_json', 'name') }} as skill_name,
        {{ json_text('payload_json', 'state') }} as state,

        -- booleans
        is_missing
        or coalesce({{ json_text('payload_json', 'state') }}, '') = 'deleted' as is_deleted,

        -- timestamps, UTC
        extracted_at

    from newest

)

select * from renamed
