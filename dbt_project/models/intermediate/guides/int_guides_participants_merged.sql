{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'int_guides_conversations_merged'}
    )
}}

-- Grain: one row per participant that the details query gave.
-- A contact's list adds who they are, where it has the conversation.

with

conversations as (

    select * from {{ ref('int_guides_conversations_merged') }}
    where {{ newly_loaded() }}

),

participants as (

    select * from {{ ref('stg_guides__participants') }}

),

listed as (

    select * from {{ ref('stg_guides__conversation_participants') }}

),

final as (

    select
        -- ids
        participants.conversation_id,
        participants.participant_id,
        listed.user_id,
        listed.external_contact_id,

        -- strings
        coalesce(participants.participant_purpose, listed.participant_purpose)
            as participant_purpose,

        -- numbers
        listed.participant_number,

        -- timestamps, UTC
        conversations.loaded_at

    from conversations
    inner join participants
        on conversations.conversation_id = participants.conversation_id
    left join listed
        on
            participants.conversation_id = listed.conversation_id
            and participants.participant_id = listed.participant_id

)

select * from final
