-- Grain: one row per conversation and external contact that took part in it, whichever contract it
-- was read by.

with

platform as (

    -- Detail records have no state. One that has ended is TERMINATED, whether or not it was
    -- transferred on the way; one that goes on is ACTIVE, which no list of the guides' knows.
    select
        conversation_id,
        external_contact_id as contact_id,
        queue_id,
        user_id,
        wrapup_code_id,
        media_type as channel_type,
        case when ended_at is null then 'ACTIVE' else 'TERMINATED' end as state,
        phone_number,
        started_at as created_at,
        ended_at as wrapped_up_at,
        cast(null as timestamp) as updated_at,
        extracted_at,
        loaded_at
    from {{ ref('int_contact_conversations') }}

),

guides as (

    select
        conversation_id,
        external_contact_id as contact_id,
        queue_id,
        user_id,
        wrapup_code_id,
        media_type as channel_type,
        state,
        phone_number,
        created_at,
        wrapped_up_at,
        updated_at,
        extracted_at,
        loaded_at
    from {{ ref('int_guides_contact_conversations') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
