-- Grain: one row per session, whichever contract it was read by.

with

platform as (

    select
        conversation_id,
        participant_id,
        session_id,
        peer_id,
        user_id,
        selected_user_id,
        outbound_campaign_id,
        outbound_contact_id,
        outbound_contact_list_id,
        flow_id,
        participant_purpose,
        media_type,
        message_type,
        direction,
        provider,
        ani,
        dnis,
        address_from,
        address_to,
        disposition_name,
        used_routing,
        flow_in_type,
        flow_out_type,
        flow_type,
        flow_version,
        flow_entry_type,
        flow_entry_reason,
        flow_exit_reason,
        flow_transfer_type,
        flow_transfer_target_name,
        flow_transfer_target_address,
        flow_starting_language,
        flow_ending_language,
        flow_recognition_failure_reason,
        participant_number,
        session_number,
        is_callback_issued,
        callback_scheduled_at,
        loaded_at
    from {{ ref('stg_platform__sessions') }}

)

select * from platform
