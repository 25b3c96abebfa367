-- Grain: one row per queue, as Genesys last described it.

with

{{ newest_entities('queues') }},

renamed as (

    select
        -- ids
        record_id as queue_id,
        {{ json_text('payload_json', 'division.id') }} as division_id,

        -- strings
        {{ json_text('payload_json', 'name') }} as queue_name,
        {{ json_text('payload_json', 'description') }} as description,

        -- booleans
        is_missing as is_deleted,

        -- timestamps, UTC
        extracted_at

    from newest

)

select * from renamed
