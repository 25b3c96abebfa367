-- Straight from Genesys's segments, by no way that the marts go.

with

agent_sessions as (

    select * from {{ ref('stg_platform__sessions') }}
    where
        participant_purpose in ('agent', 'user')
        and coalesce(media_type, '') not in ('cobrowse', 'screenshare', 'screenmonitoring')
        and {{ untested() }}

),

segments as (

    select
        *,
        {{ duration_ms('started_at', 'ended_at') }} as duration_ms
    from {{ ref('stg_platform__segments') }}
    where
        segment_type in ('interact', 'hold', 'wrapup', 'dialing', 'contacting')
        and {{ untested() }}

),

handle_per_conversation as (

    select
        segments.conversation_id,
        sum(segments.duration_ms) as handle_ms
    from segments
    inner join agent_sessions
        on
            segments.conversation_id = agent_sessions.conversation_id
            and segments.session_id = agent_sessions.session_id
    where
        agent_sessions.direction = 'outbound'
        or segments.segment_type not in ('dialing', 'contacting')
    group by segments.conversation_id

),

interactions as (

    select * from {{ ref('fct_interactions') }}
    where {{ untested() }}

)

select
    interactions.conversation_id,
    interactions.handle_seconds,
    handle_per_conversation.handle_ms
from interactions
left join handle_per_conversation
    on interactions.conversation_id = handle_per_conversation.conversation_id
where interactions.handle_seconds * 1000 <> coalesce(handle_per_conversation.handle_ms, 0)
