{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'int_guides_conversations_merged'}
    )
}}

-- Grain: one row per listed conversation and external contact that took part in it.
-- Customers and agents count; bots, supervisors and monitors do not.

with

conversations as (

    select * from {{ ref('int_guides_conversations_merged') }}
    where {{ newly_loaded() }}

),

listed as (

    select * from {{ ref('stg_guides__conversations') }}

),

participants as (

    -- The list may leave the purpose out; then it is the ids that tell agents from customers.
    select
        participants.*,
        coalesce(
            participants.participant_purpose in ('customer', 'external'),
            participants.user_id is null and participants.external_contact_id is not null
        ) as is_customer,
        coalesce(
            participants.participant_purpose in ('agent', 'user'),
            participants.user_id is not null
        ) as is_agent
    from {{ ref('stg_guides__conversation_participants') }} as participants
    inner join conversations
        on participants.conversation_id = conversations.conversation_id

),

numbered_customers as (

    select
        *,
        row_number() over (
            partition by conversation_id, external_contact_id
            order by case when ani is null then 2 else 1 end asc, participant_number asc
        ) as contact_rank
    from participants
    where is_customer and external_contact_id is not null

),

numbered_agents as (

    select
        *,
        row_number() over (
            partition by conversation_id order by participant_number desc
        ) as agents_left
    from participants
    where is_agent and user_id is not null

),

numbered_queues as (

    select
        *,
        row_number() over (
            partition by conversation_id order by participant_number asc
        ) as queue_rank
    from participants
    where queue_id is not null

),

final as (

    select
        -- ids
        listed.conversation_id,
        numbered_customers.external_contact_id,
        coalesce(numbered_agents.queue_id, numbered_queues.queue_id) as queue_id,
        numbered_agents.user_id,
        conversations.wrapup_code_id,

        -- strings
        {{ media_type_of('listed.conversation_type') }} as media_type,
        listed.state,
        case
            -- Of a call that we made, ani is a number of ours: everybody would share it.
            when conversations.direction = 'outbound' then null
            else {{ phone_number('numbered_customers.ani') }}
        end as phone_number,

        -- timestamps, UTC
        listed.created_at,
        listed.wrapped_up_at,
        listed.updated_at,
        listed.extracted_at,
        conversations.loaded_at

    from conversations
    inner join listed
        on conversations.conversation_id = listed.conversation_id
    inner join numbered_customers
        on
            listed.conversation_id = numbered_customers.conversation_id
            and numbered_customers.contact_rank = 1
    left join numbered_agents
        on
            listed.conversation_id = numbered_agents.conversation_id
            and numbered_agents.agents_left = 1
    left join numbered_queues
        on
            listed.conversation_id = numbered_queues.conversation_id
            and numbered_queues.queue_rank = 1

)

select * from final
