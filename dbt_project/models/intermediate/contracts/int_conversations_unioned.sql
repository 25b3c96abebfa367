-- Grain: one row per conversation, whichever contract it was read by.

with

platform as (

    select
        conversation_id,
        associated_conversation_id,
        consultation_conversation_ids,
        cast(null as {{ dbt.type_string() }}) as first_queue_id,
        cast(null as {{ dbt.type_string() }}) as first_user_id,
        cast(null as {{ dbt.type_string() }}) as last_user_id,
        cast(null as {{ dbt.type_string() }}) as wrapup_code_id,
        originating_direction,
        conversation_initiator,
        cast(null as {{ dbt.type_string() }}) as state,
        cast(null as {{ dbt.type_string() }}) as media_type,
        cast(null as {{ dbt.type_string() }}) as phone_number,
        cast(null as {{ dbt.type_string() }}) as interaction_type,
        cast(null as {{ dbt.type_string() }}) as skill_ids,
        external_tag,
        division_ids,
        cast(null as bigint) as queue_count,
        cast(null as bigint) as agent_count,
        cast(null as bigint) as acw_ms,
        cast(null as bigint) as genesys_duration_ms,
        min_mos,
        true as has_sessions,
        has_customer_participation,
        is_self_served,
        ended_at is null as is_open,
        started_at,
        ended_at,
        conference_started_at,
        extracted_at,
        loaded_at
    from {{ ref('stg_platform__conversations') }}

),

guides as (

    select
        conversation_id,
        cast(null as {{ dbt.type_string() }}) as associated_conversation_id,
        cast(null as {{ dbt.type_string() }}) as consultation_conversation_ids,
        first_queue_id,
        first_user_id,
        last_user_id,
        wrapup_code_id,
        direction as originating_direction,
        cast(null as {{ dbt.type_string() }}) as conversation_initiator,
        state,
        media_type,
        phone_number,
        interaction_type,
        skill_ids,
        external_tag,
        division_ids,
        queue_count,
        agent_count,
        acw_ms,
        genesys_duration_ms,
        cast(null as {{ sql_type('double precision') }}) as min_mos,
        false as has_sessions,
        cast(null as boolean) as has_customer_participation,
        cast(null as boolean) as is_self_served,
        is_open,
        started_at,
        ended_at,
        cast(null as timestamp) as conference_started_at,
        extracted_at,
        loaded_at
    from {{ ref('int_guides_conversations_merged') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
