{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'stg_platform__conversations'}
    )
}}

-- depends_on: {{ ref('stg_platform__conversations') }}
-- Grain: one row per attempt at an outcome in the flow of a session.

with

{{ session_elements(
    'flow.outcomes',
    [
        'flowOutcomeId', 'flowOutcomeValue', 'flowOutcomeStartTimestamp',
        'flowOutcomeEndTimestamp',
    ]
) }},

renamed as (

    select
        -- ids
        conversation_id,
        session_id,
        participant_id,
        flow_id,
        {{ json_field('record', 'flowOutcomeId') }} as flow_outcome_id,

        -- strings
        {{ json_field('record', 'flowOutcomeValue') }} as flow_outcome_value,

        -- numbers
        cast(element_number as bigint) as outcome_number,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('record', 'flowOutcomeStartTimestamp')) }} as started_at,
        {{ timestamp_from_text(json_field('record', 'flowOutcomeEndTimestamp')) }} as ended_at,
        loaded_at

    from session_elements

)

-- Where they stand together, what they have in common takes no room.
select * from renamed
order by loaded_at, conversation_id, session_id, outcome_number
