-- Grain: one row per wrap-up code, as Genesys last described it.

with

{{ newest_entities('wrapup_codes') }},

renamed as (

    select
        -- ids
        record_id as wrapup_code_id,
        {{ json_text('payload_json', 'division.id') }} as division_id,

        -- strings
        {{ json_text('payload_json', 'name') }} as wrapup_code_name,
        {{ json_text('payload_json', 'description') }} as description,

        -- booleans
        is_missing as is_deleted,

        -- timestamps, UTC
        extracted_at

    from newest

)

select * from renamed
