-- Grain: one row per flow, as Genesys last described it.

with

{{ newest_entities('flows') }},

renamed as (

    select
        -- ids
        record_id as flow_id,
        {{ json_text('payload_json', 'division.id') }} as division_id,

        -- strings
        {{ json_text('payload_json', 'name') }} as flow_name,
        {{ json_text('payload_json', 'type') }} as flow_type,
        {{ json_text('payload_json', 'description') }} as description,

        -- booleans
        coalesce({{ try_boolean(json_text('payload_json', 'active')) }}, false) as is_active,
        is_missing
        or coalesce({{ try_boolean(json_text('payload_json', 'deleted')) }}, false) as is_deleted,

        -- timestamps, UTC
        extracted_at

    from newest

)

select * from renamed
