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

sessions as (

    select * from {{ ref('stg_platform__sessions') }}
    where {{ newly_loaded() }}

),

outcomes as (

    select
        sessions.conversation_id,
        sessions.session_id,
        sessions.participant_id,
        sessions.flow_id,
        sessions.loaded_at,
        outcome.position as outcome_number,
        {{ json_record(
            'outcome.value',
            [
                'flowOutcomeId', 'flowOutcomeValue', 'flowOutcomeStartTimestamp',
                'flowOutcomeEndTimestamp',
            ]
        ) }} as record
    from {{ json_array_elements('sessions', 'sessions.outcomes_json', 'outcome') }}

),

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
        cast(outcome_number as bigint) as outcome_number,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('record', 'flowOutcomeStartTimestamp')) }} as started_at,
        {{ timestamp_from_text(json_field('record', 'flowOutcomeEndTimestamp')) }} as ended_at,
        loaded_at

    from outcomes

)

select * from renamed
