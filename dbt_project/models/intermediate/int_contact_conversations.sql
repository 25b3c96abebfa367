{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'int_conversations_unioned'}
    )
}}

-- depends_on: {{ ref('int_conversations_unioned') }}
-- Grain: one row per conversation of which sessions are told, and external contact that took part
-- in it.

with

conversations as (

    select * from {{ ref('int_conversations_unioned') }}
    where
        has_sessions
        and {{ newly_loaded() }}

),

participants as (

    select * from {{ ref('int_participants_unioned') }}
    where
        participant_purpose in ('customer', 'external')
        and external_contact_id is not null
        and {{ newly_loaded() }}

),

sessions as (

    select * from {{ ref('int_sessions_unioned') }}
    where {{ newly_loaded() }}

),

begun as (

    select * from {{ ref('int_conversations_begun') }}
    where {{ newly_loaded() }}

),

legs as (

    select * from {{ ref('int_conversation_legs_linked') }}
    where {{ newly_loaded() }}

),

numbered_addresses as (

    -- Where the contact was reached: who called gave ani, whom we called has dnis.
    select
        participants.conversation_id,
        participants.external_contact_id,
        case when sessions.direction = 'outbound' then sessions.dnis else sessions.ani end
            as address,
        row_number() over (
            partition by participants.conversation_id, participants.external_contact_id
            order by
                case
                    when sessions.direction = 'outbound' and sessions.dnis like 'tel:%' then 1
                    when sessions.direction <> 'outbound' and sessions.ani like 'tel:%' then 1
                    else 2
                end asc,
                sessions.participant_number asc,
                sessions.session_number asc
        ) as address_rank
    from participants
    inner join sessions
        on
            participants.conversation_id = sessions.conversation_id
            and participants.participant_id = sessions.participant_id

),

contacts_per_conversation as (

    select
        participants.conversation_id,
        participants.external_contact_id,
        max(
            case
                when numbered_addresses.address like 'tel:%'
                    then replace(numbered_addresses.address, 'tel:', '')
            end
        ) as phone_number
    from participants
    left join numbered_addresses
        on
            participants.conversation_id = numbered_addresses.conversation_id
            and participants.external_contact_id = numbered_addresses.external_contact_id
            and numbered_addresses.address_rank = 1
    group by participants.conversation_id, participants.external_contact_id

),

numbered_legs as (

    select
        *,
        row_number() over (partition by conversation_id order by leg_number desc) as legs_left
    from legs
    where is_connected

),

final as (

    select
        -- ids
        conversations.conversation_id,
        contacts_per_conversation.external_contact_id,
        coalesce(numbered_legs.queue_id, begun.first_queue_id) as queue_id,
        numbered_legs.user_id,
        numbered_legs.wrapup_code_id,

        -- strings
        begun.initial_media_type as media_type,
        contacts_per_conversation.phone_number,

        -- timestamps, UTC
        conversations.started_at,
        begun.served_until as ended_at,
        conversations.extracted_at,
        conversations.loaded_at

    from conversations
    inner join contacts_per_conversation
        on conversations.conversation_id = contacts_per_conversation.conversation_id
    inner join begun
        on conversations.conversation_id = begun.conversation_id
    left join numbered_legs
        on
            conversations.conversation_id = numbered_legs.conversation_id
            and numbered_legs.legs_left = 1

)

select * from final
