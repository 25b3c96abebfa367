{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'int_conversations_unioned', 'rules': ['report_time_zone']}
    )
}}

-- Grain: one row per attempt at a flow outcome.

with

attempts as (

    select * from {{ ref('int_flow_outcomes_unioned') }}
    where {{ newly_loaded() }}

),

conversations as (

    select * from {{ ref('int_conversations_unioned') }}
    where {{ newly_loaded() }}

),

numbered as (

    select
        *,
        row_number() over (
            partition by conversation_id, session_id, flow_outcome_id
            order by started_at asc nulls last, outcome_number asc
        ) as attempt_number,
        row_number() over (
            partition by conversation_id, session_id, flow_outcome_id
            order by started_at desc nulls first, outcome_number desc
        ) as attempts_left
    from attempts

),

final as (

    select
        -- ids
        numbered.conversation_id,
        numbered.session_id,
        numbered.participant_id,
        numbered.flow_id,
        numbered.flow_outcome_id,

        -- strings
        numbered.flow_outcome_value,
        cast('{{ rules_version(['report_time_zone']) }}' as {{ dbt.type_string() }})
            as rules_version,

        -- numbers
        numbered.outcome_number,
        cast(numbered.attempt_number as bigint) as attempt_number,
        {{ seconds(duration_ms('numbered.started_at', 'numbered.ended_at')) }}
            as duration_seconds,

        -- booleans
        upper(numbered.flow_outcome_value) = 'SUCCESS' as is_success,
        numbered.attempts_left = 1 as is_last_attempt,

        -- dates
        {{ local_date('numbered.started_at', var('report_time_zone')) }} as started_date,

        -- timestamps, UTC
        numbered.started_at,
        numbered.ended_at,
        conversations.started_at as conversation_started_at,
        numbered.loaded_at

    from numbered
    inner join conversations
        on numbered.conversation_id = conversations.conversation_id

)

select * from final
