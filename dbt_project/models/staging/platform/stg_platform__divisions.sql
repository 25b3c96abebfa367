-- Grain: one row per division, as Genesys last described it.

with

{{ newest_entities('divisions') }},

renamed as (

    select
        -- ids
        record_id as division_id,

        -- strings
        {{ json_text('payload_json', 'name') }} as division_name,
        {{ json_text('payload_json', 'description') }} as description,

        -- booleans
        coalesce({{ try_boolean(json_text('payload_json', 'homeDivision')) }}, false)
            as is_home_division,
        is_missing as is_deleted,

        -- timestamps, UTC
        extracted_at

    from newest

)

select * from renamed
