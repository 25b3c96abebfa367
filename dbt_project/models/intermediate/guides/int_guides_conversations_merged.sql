{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='conversation_id',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'parts': [
            'stg_guides__interactions', 'stg_guides__participants', 'stg_guides__conversations',
        ]}
    )
}}

-- Grain: one row per conversation that the export, the details query or a contact's list names.
-- Their records come in loads of their own. The conversation's loaded_at is the newest of all of
-- them, and all that hangs on the conversation carries it: what is incremental by conversation then
-- takes in whichever part came last.

with

interactions as (

    select * from {{ ref('stg_guides__interactions') }}

),

listed as (

    select * from {{ ref('stg_guides__conversations') }}

),

parts as (

    -- Keys only, and not by way of the tables above: Postgres would write down each whole table
    -- that is used twice.
    select
        conversation_id,
        extracted_at,
        loaded_at
    from {{ ref('stg_guides__interactions') }}

    union all

    select
        conversation_id,
        extracted_at,
        loaded_at
    from {{ ref('stg_guides__participants') }}

    union all

    select
        conversation_id,
        extracted_at,
        loaded_at
    from {{ ref('stg_guides__conversations') }}

),

changed as (

    select conversation_id
    from parts
    where {{ newly_loaded() }}
    group by conversation_id

),

conversations as (

    select
        parts.conversation_id,
        max(parts.extracted_at) as extracted_at,
        max(parts.loaded_at) as loaded_at
    from parts
    inner join changed
        on parts.conversation_id = changed.conversation_id
    group by parts.conversation_id
    having {{ newly_loaded('max(parts.loaded_at)') }}

),

final as (

    select
        -- ids
        conversations.conversation_id,
        interactions.first_queue_id,
        interactions.first_user_id,
        interactions.last_user_id,
        interactions.wrapup_code_id,

        -- strings
        interactions.direction,
        coalesce(interactions.state, listed.state) as state,
        coalesce(interactions.media_type, {{ media_type_of('listed.conversation_type') }})
            as media_type,
        interactions.interaction_type,
        interactions.skill_ids,
        interactions.division_ids,
        interactions.external_tag,
        case
            -- Of a call that we made, ani is a number of ours: everybody would share it.
            when interactions.direction = 'outbound' then null
            else {{ phone_number('interactions.ani') }}
        end as phone_number,

        -- numbers
        interactions.queue_count,
        interactions.agent_count,
        interactions.acw_ms,
        interactions.duration_ms as genesys_duration_ms,

        -- booleans; whether it has ended is what the export alone tells
        case when interactions.conversation_id is not null then interactions.ended_at is null end
            as is_open,

        -- timestamps, UTC
        coalesce(interactions.started_at, listed.created_at) as started_at,
        interactions.ended_at,
        conversations.extracted_at,
        conversations.loaded_at

    from conversations
    left join interactions
        on conversations.conversation_id = interactions.conversation_id
    left join listed
        on conversations.conversation_id = listed.conversation_id

)

select * from final
