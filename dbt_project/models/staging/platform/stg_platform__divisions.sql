-- Grain: one row per division, as Genesys last described it.

with

{{ newest_entities('divisions') }},

renamed as (

    select
        -- ids
        record_id as division_id,

        -- strings
        {{ json_text('document', 'name') }} as division_name,
        {{ json_text('document', 'description') }} as description,

        -- booleans
        coalesce({{ try_boolean(json_text('document', 'homeDivision')) }}, false)
            as is_home_division,
        is_missing as is_deleted,

        -- timestamps, UTC
        extracted_at

    from newest

)

select * from renamed
