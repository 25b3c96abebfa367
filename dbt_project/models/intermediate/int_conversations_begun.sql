{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={
            'conversations': 'int_conversations_unioned',
            'rules': ['report_time_zone', 'business_hours']
        }
    )
}}

-- depends_on: {{ ref('business_hours') }}
-- Grain: one row per conversation: who it began with, from where, over what and when, and when the
-- last agent or queue was done with it.

with

conversations as (

    select
        *,
        case when has_sessions then 0 end as without_sessions
    from {{ ref('int_conversations_unioned') }}
    where {{ newly_loaded() }}

),

participants as (

    select * from {{ ref('int_participants_unioned') }}
    where {{ newly_loaded() }}

),

sessions as (

    select * from {{ ref('int_sessions_unioned') }}
    where {{ newly_loaded() }}

),

timed_sessions as (

    select * from {{ ref('int_sessions_timed') }}
    where {{ newly_loaded() }}

),

segments as (

    select * from {{ ref('int_segments_unioned') }}
    where
        (requested_skill_ids is not null or requested_language_id is not null)
        and {{ newly_loaded() }}

),

legs as (

    select * from {{ ref('int_conversation_legs_linked') }}
    where {{ newly_loaded() }}

),

hours as (

    select * from {{ ref('int_business_hours') }}

),

numbered_contacts as (

    select
        *,
        row_number() over (
            partition by
                conversation_id, case when external_contact_id is null then 0 else 1 end
            order by participant_number
        ) as contact_rank
    from participants
    where participant_purpose in ('customer', 'external')

),

customers_per_conversation as (

    select
        conversation_id,
        count(distinct external_contact_id) as external_contact_count,
        max(case when contact_rank = 1 then external_contact_id end) as first_external_contact_id
    from numbered_contacts
    group by conversation_id

),

numbered_sessions as (

    select
        *,
        row_number() over (
            partition by conversation_id
            order by
                case when participant_purpose in ('customer', 'external') then 1 else 2 end asc,
                case when ani is null and dnis is null then 2 else 1 end asc,
                participant_number asc,
                session_number asc
        ) as customer_rank,
        row_number() over (
            partition by conversation_id
            order by
                case when outbound_campaign_id is null then 2 else 1 end asc,
                case when disposition_name is null then 2 else 1 end asc,
                participant_number asc,
                session_number asc
        ) as campaign_rank
    from sessions

),

addresses_per_conversation as (

    select
        conversation_id,
        max(case when campaign_rank = 1 then outbound_campaign_id end) as outbound_campaign_id,
        max(case when campaign_rank = 1 then outbound_contact_list_id end)
            as outbound_contact_list_id,
        max(case when campaign_rank = 1 then disposition_name end) as disposition_name,
        max(case when customer_rank = 1 then provider end) as provider,
        max(case when customer_rank = 1 then message_type end) as message_type,
        max(case when customer_rank = 1 then direction end) as direction,
        max(case when customer_rank = 1 then {{ phone_number('ani') }} end) as ani,
        max(case when customer_rank = 1 then replace(dnis, 'tel:', '') end) as dnis
    from numbered_sessions
    group by conversation_id

),

numbered_timed_sessions as (

    select
        *,
        row_number() over (
            partition by conversation_id
            order by started_at asc nulls last, participant_number asc, session_number asc
        ) as session_rank,
        row_number() over (
            partition by
                conversation_id,
                case when participant_purpose = 'acd' and queue_id is not null then 0 else 1 end
            order by started_at asc nulls last, participant_number asc, session_number asc
        ) as queue_rank,
        row_number() over (
            partition by conversation_id, case when flow_id is null then 0 else 1 end
            order by started_at asc nulls last, participant_number asc, session_number asc
        ) as flow_rank,
        row_number() over (
            partition by conversation_id
            order by
                case when participant_purpose in ('customer', 'external') then 1 else 2 end asc,
                ended_at desc nulls last,
                participant_number asc,
                session_number asc
        ) as end_rank
    from timed_sessions

),

sessions_per_conversation as (

    select
        conversation_id,
        max(case when session_rank = 1 then media_type end) as initial_media_type,
        max(case when queue_rank = 1 and participant_purpose = 'acd' then queue_id end)
            as first_queue_id,
        max(case when flow_rank = 1 then flow_id end) as first_flow_id,
        max(case when end_rank = 1 then disconnect_type end) as disconnect_type,
        max(case when participant_purpose = 'acd' then ended_at end) as last_queue_left_at
    from numbered_timed_sessions
    group by conversation_id

),

numbered_segments as (

    select
        *,
        row_number() over (
            partition by conversation_id, case when requested_skill_ids is null then 0 else 1 end
            order by started_at asc nulls last, session_id asc, segment_number asc
        ) as skill_rank,
        row_number() over (
            partition by conversation_id, case when requested_language_id is null then 0 else 1 end
            order by started_at asc nulls last, session_id asc, segment_number asc
        ) as language_rank
    from segments

),

requests_per_conversation as (

    select
        conversation_id,
        max(case when skill_rank = 1 then requested_skill_ids end) as skill_ids,
        max(case when language_rank = 1 then requested_language_id end) as language_id
    from numbered_segments
    group by conversation_id

),

agents_per_conversation as (

    select
        conversation_id,
        max(ended_at) as last_agent_ended_at
    from legs
    where is_connected
    group by conversation_id

),

conversations_placed as (

    select
        conversations.*,
        sessions_per_conversation.first_flow_id,
        coalesce(sessions_per_conversation.first_queue_id, conversations.first_queue_id)
            as reached_queue_id,
        coalesce(sessions_per_conversation.initial_media_type, conversations.media_type)
            as initial_media_type,
        case when conversations.ended_at is not null then sessions_per_conversation.disconnect_type
        end as disconnect_type,
        -- An outside line of a conference may stay open for sixty days more.
        case
            when agents_per_conversation.last_agent_ended_at < conversations.ended_at
                then
                    case
                        when
                            sessions_per_conversation.last_queue_left_at
                            > agents_per_conversation.last_agent_ended_at
                            then sessions_per_conversation.last_queue_left_at
                        else agents_per_conversation.last_agent_ended_at
                    end
            else conversations.ended_at
        end as served_until
    from conversations
    left join sessions_per_conversation
        on conversations.conversation_id = sessions_per_conversation.conversation_id
    left join agents_per_conversation
        on conversations.conversation_id = agents_per_conversation.conversation_id

),

queues_with_hours as (

    select queue_id
    from hours
    group by queue_id

),

conversations_with_clocks as (

    -- The lines that hold for each, and what clocks of their zone showed when it began.
    select
        conversations_placed.conversation_id,
        hours.weekday_number,
        hours.opening_minute,
        hours.closing_minute,
        hours.local_date,
        {{ local_time('conversations_placed.started_at', 'hours.time_zone') }} as local_started_at
    from conversations_placed
    left join queues_with_hours
        on conversations_placed.reached_queue_id = queues_with_hours.queue_id
    inner join hours
        on coalesce(queues_with_hours.queue_id, '*') = hours.queue_id
    where conversations_placed.started_at is not null

),

clocks_compared as (

    select
        conversation_id,
        local_date = cast(local_started_at as date) as is_of_date,
        weekday_number = {{ weekday_number('local_started_at') }} as is_of_weekday,
        coalesce(
            extract(hour from local_started_at) * 60 + extract(minute from local_started_at)
            between opening_minute and closing_minute - 1,
            false
        ) as is_open
    from conversations_with_clocks

),

hours_per_conversation as (

    select
        conversation_id,
        case
            when {{ boolean_any('is_of_date') }}
                then {{ boolean_any('is_of_date and is_open') }}
            else coalesce({{ boolean_any('is_of_weekday and is_open') }}, false)
        end as is_in_business_hours
    from clocks_compared
    group by conversation_id

),

final as (

    select
        -- ids
        conversations_placed.conversation_id,
        customers_per_conversation.first_external_contact_id,
        conversations_placed.first_flow_id,
        conversations_placed.reached_queue_id as first_queue_id,
        addresses_per_conversation.outbound_campaign_id,
        addresses_per_conversation.outbound_contact_list_id,
        coalesce(requests_per_conversation.skill_ids, conversations_placed.skill_ids) as skill_ids,
        requests_per_conversation.language_id,

        -- strings
        conversations_placed.originating_direction,
        conversations_placed.initial_media_type,
        addresses_per_conversation.provider,
        addresses_per_conversation.message_type,
        addresses_per_conversation.disposition_name,
        conversations_placed.disconnect_type,
        addresses_per_conversation.direction as customer_direction,
        coalesce(addresses_per_conversation.ani, conversations_placed.phone_number) as ani,
        addresses_per_conversation.dnis,
        case
            when addresses_per_conversation.direction = 'outbound'
                then {{ phone_number('addresses_per_conversation.dnis') }}
            else coalesce(addresses_per_conversation.ani, conversations_placed.phone_number)
        end as phone_number,
        cast(
            '{{ rules_version(['report_time_zone', 'business_hours']) }}'
            as {{ dbt.type_string() }}
        ) as rules_version,

        -- numbers; who has no external contact, and whose is not told, look alike in totals
        coalesce(
            nullif(customers_per_conversation.external_contact_count, 0),
            conversations_placed.without_sessions
        ) as external_contact_count,

        -- booleans
        conversations_placed.has_sessions,
        hours_per_conversation.is_in_business_hours,

        -- timestamps, UTC
        conversations_placed.started_at,
        conversations_placed.served_until,
        conversations_placed.loaded_at

    from conversations_placed
    left join customers_per_conversation
        on conversations_placed.conversation_id = customers_per_conversation.conversation_id
    left join addresses_per_conversation
        on conversations_placed.conversation_id = addresses_per_conversation.conversation_id
    left join requests_per_conversation
        on conversations_placed.conversation_id = requests_per_conversation.conversation_id
    left join hours_per_conversation
        on conversations_placed.conversation_id = hours_per_conversation.conversation_id

)

select * from final
