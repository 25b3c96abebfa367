{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'stg_platform__conversations'}
    )
}}

-- depends_on: {{ ref('stg_platform__conversations') }}
-- Grain: one row per session of a participant.

with

{{ conversation_elements(['participants', 'sessions']) }},

participants as (

    select * from {{ ref('stg_platform__participants') }}
    where {{ newly_loaded() }}

),

sessions as (

    select
        participants.conversation_id,
        participants.participant_id,
        participants.participant_number,
        participants.participant_purpose,
        participants.user_id,
        participants.loaded_at,
        elements.second_number as session_number,
        {{ json_record(
            'elements.element_json',
            [
                'sessionId', 'peerId', 'mediaType', 'messageType', 'direction', 'provider', 'ani',
                'dnis', 'sessionDnis', 'addressFrom', 'addressTo', 'remote', 'usedRouting',
                'selectedAgentId', 'flowInType', 'flowOutType', 'callbackScheduledTime',
                'outboundCampaignId', 'outboundContactId', 'outboundContactListId', 'dispositionName',
                'scriptId', 'acwSkipped',
            ],
            nodes=['flow']
        ) }} as record
    from elements
    inner join participants
        on
            elements.conversation_id = participants.conversation_id
            and elements.first_number = participants.participant_number

),

flows as (

    select
        *,
        {{ json_record(
            json_node_field('record', 'flow'),
            [
                'flowId', 'flowName', 'flowVersion', 'flowType', 'entryType', 'entryReason',
                'exitReason', 'transferType', 'transferTargetName', 'transferTargetAddress',
                'startingLanguage', 'endingLanguage', 'issuedCallback', 'recognitionFailureReason',
            ]
        ) }} as flow
    from sessions

),

identified as (

    select
        *,
        coalesce(
            {{ json_field('record', 'sessionId') }},
            participant_id || ' session ' || cast(session_number as {{ dbt.type_string() }})
        ) as given_id
    from flows

),

numbered as (

    select
        *,
        row_number() over (
            partition by conversation_id, given_id order by participant_number, session_number
        ) as id_use
    from identified

),

renamed as (

    select
        -- ids
        conversation_id,
        participant_id,
        {{ id_of_its_own('given_id', 'id_use') }} as session_id,
        {{ json_field('record', 'peerId') }} as peer_id,
        user_id,
        {{ json_field('record', 'selectedAgentId') }} as selected_user_id,
        {{ json_field('record', 'outboundCampaignId') }} as outbound_campaign_id,
        {{ json_field('record', 'outboundContactId') }} as outbound_contact_id,
        {{ json_field('record', 'outboundContactListId') }} as outbound_contact_list_id,
        {{ json_field('record', 'scriptId') }} as script_id,
        {{ json_field('flow', 'flowId') }} as flow_id,

        -- strings
        participant_purpose,
        {{ json_field('record', 'mediaType') }} as media_type,
        {{ json_field('record', 'messageType') }} as message_type,
        {{ json_field('record', 'direction') }} as direction,
        {{ json_field('record', 'provider') }} as provider,
        {{ json_field('record', 'ani') }} as ani,
        {{ json_field('record', 'dnis') }} as dnis,
        {{ json_field('record', 'sessionDnis') }} as session_dnis,
        {{ json_field('record', 'addressFrom') }} as address_from,
        {{ json_field('record', 'addressTo') }} as address_to,
        {{ json_field('record', 'remote') }} as remote_name,
        {{ json_field('record', 'usedRouting') }} as used_routing,
        {{ json_field('record', 'flowInType') }} as flow_in_type,
        {{ json_field('record', 'flowOutType') }} as flow_out_type,
        {{ json_field('record', 'dispositionName') }} as disposition_name,
        {{ json_field('flow', 'flowName') }} as flow_name,
        {{ json_field('flow', 'flowVersion') }} as flow_version,
        {{ json_field('flow', 'flowType') }} as flow_type,
        {{ json_field('flow', 'entryType') }} as flow_entry_type,
        {{ json_field('flow', 'entryReason') }} as flow_entry_reason,
        {{ json_field('flow', 'exitReason') }} as flow_exit_reason,
        {{ json_field('flow', 'transferType') }} as flow_transfer_type,
        {{ json_field('flow', 'transferTargetName') }} as flow_transfer_target_name,
        {{ json_field('flow', 'transferTargetAddress') }} as flow_transfer_target_address,
        {{ json_field('flow', 'startingLanguage') }} as flow_starting_language,
        {{ json_field('flow', 'endingLanguage') }} as flow_ending_language,
        {{ json_field('flow', 'recognitionFailureReason') }} as flow_recognition_failure_reason,

        -- numbers
        participant_number,
        cast(session_number as bigint) as session_number,
        cast(id_use as bigint) as id_use,

        -- booleans
        {{ try_boolean(json_field('record', 'acwSkipped')) }} as is_acw_skipped,
        {{ try_boolean(json_field('flow', 'issuedCallback')) }} as is_callback_issued,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('record', 'callbackScheduledTime')) }}
            as callback_scheduled_at,
        loaded_at

    from numbered

)

-- Where they stand together, what they have in common takes no room.
select * from renamed
order by loaded_at, conversation_id, participant_number, session_number
