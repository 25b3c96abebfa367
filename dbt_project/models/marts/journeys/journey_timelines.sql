{{ config(materialized='view') }}

-- Grain: one row per canonical contact, also one without any conversation.
-- The document is text, written piece by piece, so that it is the same text on every engine. A
-- view: each scan of contacts changes when all were extracted, and one is asked for at a time.

with

contacts as (

    select * from {{ ref('dim_contacts') }}

),

every_step as (

    select * from {{ ref('int_journey_steps_resolved') }}

),

steps as (

    select * from {{ ref('fct_journey_steps') }}

),

step_documents as (

    select
        canonical_contact_id,
        step_number,
        {{ json_object_text([
            ('conversationId', json_string('conversation_id')),
            ('channelType', json_string('upper(channel_type)')),
            ('state', json_string('state')),
            ('startTimeUTC', json_string(iso_text('started_at'))),
            ('endTimeUTC', json_string(iso_text('ended_at'))),
            ('durationSeconds', "coalesce(" ~ seconds_text('duration_seconds') ~ ", 'null')"),
            ('routingQueue', json_string('queue_id')),
            ('agentId', json_string('user_id')),
            ('wrapUpCode', json_string('wrapup_code_id')),
        ]) }} as step_json
    from steps

),

timeline_per_contact as (

    select
        canonical_contact_id,
        count(*) as interaction_count,
        {{ json_array_agg_text('step_json', 'step_number') }} as timeline
    from step_documents
    group by canonical_contact_id

),

conversations_per_contact as (

    select
        canonical_contact_id,
        count(case when not is_kept then 1 end) as filtered_count,
        max(extracted_at) as extracted_at
    from every_step
    group by canonical_contact_id

),

members_per_contact as (

    select
        canonical_contact_id,
        {{ json_array_agg_text(
            "case when contact_id <> canonical_contact_id then " ~ json_string('contact_id') ~ " end",
            by_code_point('contact_id')
        ) }} as merged_from_ids,
        max(extracted_at) as extracted_at
    from contacts
    group by canonical_contact_id

),

joined as (

    select
        members_per_contact.canonical_contact_id,
        members_per_contact.merged_from_ids,
        coalesce(timeline_per_contact.timeline, '[]') as timeline,
        coalesce(timeline_per_contact.interaction_count, 0) as interaction_count,
        coalesce(conversations_per_contact.filtered_count, 0) as filtered_count,
        greatest(
            coalesce(conversations_per_contact.extracted_at, members_per_contact.extracted_at),
            coalesce(members_per_contact.extracted_at, conversations_per_contact.extracted_at)
        ) as extracted_at
    from members_per_contact
    left join timeline_per_contact
        on members_per_contact.canonical_contact_id = timeline_per_contact.canonical_contact_id
    left join conversations_per_contact
        on
            members_per_contact.canonical_contact_id
            = conversations_per_contact.canonical_contact_id

),

documents as (

    select
        *,
        {{ json_object_text([
            ('extractionTimestampUTC', json_string(iso_text('extracted_at'))),
            (
                'totalInteractions',
                "cast(interaction_count + filtered_count as " ~ dbt.type_string() ~ ")"
            ),
            ('filteredOut', "cast(filtered_count as " ~ dbt.type_string() ~ ")"),
            ('mergedFromIds', 'merged_from_ids'),
        ]) }} as metadata
    from joined

),

final as (

    select
        -- ids
        canonical_contact_id,

        -- numbers
        interaction_count,
        filtered_count,

        -- timestamps, UTC
        extracted_at,

        -- JSON text
        {{ json_object_text([
            ('contactId', json_string('canonical_contact_id')),
            ('timeline', 'timeline'),
            ('metadata', 'metadata'),
        ]) }} as timeline_json

    from documents

)

select * from final
