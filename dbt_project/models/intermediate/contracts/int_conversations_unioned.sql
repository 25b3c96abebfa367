-- Grain: one row per conversation, whichever contract it was read by.

with

platform as (

    select
        conversation_id,
        associated_conversation_id,
        originating_direction,
        conversation_initiator,
        external_tag,
        division_ids,
        min_mos,
        has_customer_participation,
        is_self_served,
        started_at,
        ended_at,
        conference_started_at,
        extracted_at,
        loaded_at
    from {{ ref('stg_platform__conversations') }}

)

select * from platform
