-- Grain: one row per conversation that was handed on from another: by the same contact, or within
-- the same time by the same phone number, where one of the two has another contact or none.
-- Made whole: what follows a conversation may belong to any contact, so no part of it stands alone.

{% set handoff_ms = var('handoff_seconds') * 1000 %}

with

steps as (

    select * from {{ ref('int_journey_steps_resolved') }}
    where is_kept

),

steps_of_journeys as (

    select * from {{ ref('fct_journey_steps') }}

),

interactions as (

    select * from {{ ref('fct_interactions') }}

),

conversations_without_contact as (

    select
        begun.conversation_id,
        case when begun.customer_direction = 'outbound' then null else begun.phone_number end
            as phone_number
    from {{ ref('int_conversations_begun') }} as begun
    left join {{ ref('int_journey_conversations_unioned') }} as of_contacts
        on begun.conversation_id = of_contacts.conversation_id
    where of_contacts.conversation_id is null

),

reached as (

    select
        canonical_contact_id,
        conversation_id,
        queue_id,
        phone_number,
        channel_type,
        started_at,
        ended_at
    from steps

    union all

    select
        null as canonical_contact_id,
        conversations_without_contact.conversation_id,
        interactions.first_queue_id as queue_id,
        conversations_without_contact.phone_number,
        interactions.initial_media_type as channel_type,
        interactions.started_at,
        interactions.ended_at
    from conversations_without_contact
    inner join interactions
        on conversations_without_contact.conversation_id = interactions.conversation_id

),

reached_in_time as (

    -- Without stretches every conversation would be compared with all of its phone number, and some
    -- have thousands: a switchboard's, or one that many withhold their own behind.
    select
        *,
        {{ handoff_stretch('started_at') }} as started_stretch,
        {{ handoff_stretch('ended_at') }} as ended_stretch
    from reached
    where phone_number is not null

),

{{ handoff_ends('reached_in_time') }},

possible_by_phone as (

    select
        later.conversation_id,
        later.canonical_contact_id,
        later.channel_type,
        later.started_at,
        earlier.conversation_id as earlier_conversation_id,
        earlier.canonical_contact_id as earlier_contact_id,
        earlier.channel_type as earlier_channel_type,
        {{ milliseconds_between('earlier.ended_at', 'later.started_at') }} as gap_ms,
        case
            when earlier.queue_id = later.queue_id then 'phone_and_queue' else 'phone'
        end as confidence
    from reached_in_time as later
    inner join possible_ends as earlier
        on
            later.phone_number = earlier.phone_number
            and later.started_stretch = earlier.stretch
            and later.conversation_id <> earlier.conversation_id
            and later.started_at >= earlier.started_at
            and abs({{ milliseconds_between('earlier.ended_at', 'later.started_at') }})
            <= {{ handoff_ms }}
    where
        -- What one contact did is in its journey.
        coalesce(later.canonical_contact_id <> earlier.canonical_contact_id, true)

),

ranked_by_phone as (

    select
        possible_by_phone.*,
        row_number() over (
            partition by possible_by_phone.conversation_id
            order by
                case possible_by_phone.confidence when 'phone' then 2 else 1 end asc,
                abs(possible_by_phone.gap_ms) asc,
                {{ by_code_point('possible_by_phone.earlier_conversation_id') }} asc,
                {{ by_code_point('possible_by_phone.earlier_contact_id') }} asc nulls last,
                {{ by_code_point('possible_by_phone.canonical_contact_id') }} asc nulls last
        ) as handoff_rank
    from possible_by_phone
    left join steps_of_journeys
        on
            possible_by_phone.conversation_id = steps_of_journeys.conversation_id
            and steps_of_journeys.handoff_type is not null
    where steps_of_journeys.conversation_id is null

),

final as (

    select
        -- ids
        conversation_id,
        handoff_from_conversation_id,
        canonical_contact_id,
        canonical_contact_id as handoff_from_contact_id,

        -- strings
        handoff_type,
        handoff_confidence,

        -- numbers
        handoff_gap_seconds,

        -- dates
        {{ local_date('started_at', var('report_time_zone')) }} as started_date,

        -- timestamps, UTC
        started_at
    from steps_of_journeys
    where handoff_type is not null

    union all

    select
        -- ids
        conversation_id,
        earlier_conversation_id as handoff_from_conversation_id,
        canonical_contact_id,
        earlier_contact_id as handoff_from_contact_id,

        -- strings
        coalesce(lower(earlier_channel_type), 'unknown')
        || '_to_' || coalesce(lower(channel_type), 'unknown') as handoff_type,
        confidence as handoff_confidence,

        -- numbers
        {{ seconds('gap_ms') }} as handoff_gap_seconds,

        -- dates
        {{ local_date('started_at', var('report_time_zone')) }} as started_date,

        -- timestamps, UTC
        started_at
    from ranked_by_phone
    where handoff_rank = 1

)

select * from final
