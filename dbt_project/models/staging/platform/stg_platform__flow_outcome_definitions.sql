-- Grain: one row per flow outcome, as Genesys last described it.

with

{{ newest_entities('flow_outcomes') }},

renamed as (

    select
        -- ids
        record_id as flow_outcome_id,
        {{ json_text('payload_json', 'division.id') }} as division_id,

        -- strings
        {{ json_text('payload_json', 'name') }} as flow_outcome_name,
        {{ json_text('payload_json', 'description') }} as description,

        -- booleans
        is_missing as is_deleted,

        -- timestamps, UTC
        extracted_at

    from newest

)

select * from renamed
