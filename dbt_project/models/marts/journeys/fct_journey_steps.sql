{% set rules = ['handoff_seconds', 'repeat_contact_days', 'report_time_zone'] %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_contacts',
        on_schema_change='fail',
        indexes=contact_indexes(),
        post_hook="{{ update_from(
            ref('fct_interactions'), 'conversation_id', ['is_followed_by_repeat_contact']
        ) }}",
        made_of={
            'contacts_of': 'int_journey_steps_resolved',
            'rules': rules
        }
    )
}}

-- depends_on: {{ ref('int_contact_merges_resolved') }}, {{ ref('fct_interactions') }}
-- Grain: one row per canonical contact and conversation that is a step of its journey.
-- Incremental by contact: a step that is new, or moved by a late merge, has all of its contact
-- numbered anew.

{% set handoff_ms = var('handoff_seconds') * 1000 %}

with

steps as (

    select
        *,
        row_number() over (
            partition by canonical_contact_id
            order by started_at asc nulls last, {{ by_code_point('conversation_id') }} asc
        ) as step_number
    from {{ ref('int_journey_steps_resolved') }}
    where
        is_kept
        and canonical_contact_id in {{ changed_contacts('int_journey_steps_resolved') }}

),

steps_in_time as (

    -- Without stretches every step would be compared with all of its contact.
    select
        *,
        {{ handoff_stretch('started_at') }} as started_stretch,
        {{ handoff_stretch('ended_at') }} as ended_stretch
    from steps

),

{{ handoff_ends('steps_in_time') }},

possible_handoffs as (

    -- Not only of the step before: an e-mail that stays open for days comes between a chat and the
    -- call that it led to.
    select
        later.canonical_contact_id,
        later.step_number,
        earlier.step_number as earlier_step_number,
        earlier.conversation_id as earlier_conversation_id,
        earlier.channel_type as earlier_channel_type,
        {{ milliseconds_between('earlier.ended_at', 'later.started_at') }} as gap_ms,
        case
            when earlier.queue_id = later.queue_id and earlier.phone_number = later.phone_number
                then 'contact_phone_and_queue'
            when earlier.queue_id = later.queue_id then 'contact_and_queue'
            when earlier.phone_number = later.phone_number then 'contact_and_phone'
            else 'contact'
        end as confidence
    from steps_in_time as later
    inner join possible_ends as earlier
        on
            later.canonical_contact_id = earlier.canonical_contact_id
            and later.started_stretch = earlier.stretch
            and later.step_number > earlier.step_number
            and abs({{ milliseconds_between('earlier.ended_at', 'later.started_at') }})
            <= {{ handoff_ms }}

),

ranked_handoffs as (

    select
        *,
        row_number() over (
            partition by canonical_contact_id, step_number
            order by
                case confidence
                    when 'contact_phone_and_queue' then 1
                    when 'contact' then 3
                    else 2
                end asc,
                abs(gap_ms) asc,
                earlier_step_number desc
        ) as handoff_rank
    from possible_handoffs

),

handoffs as (

    select * from ranked_handoffs
    where handoff_rank = 1

),

nodes as (

    -- A node is a step and all that was handed on from it. Each handoff comes from an earlier
    -- step, so every way back ends.
    select
        canonical_contact_id,
        step_number,
        first_step_number
    from {{ chain_starts(
        'handoffs', 'canonical_contact_id', 'step_number', 'earlier_step_number',
        'first_step_number'
    ) }} as chains

),

steps_in_nodes as (

    select
        steps.*,
        coalesce(nodes.first_step_number, steps.step_number) as first_step_number
    from steps
    left join nodes
        on
            steps.canonical_contact_id = nodes.canonical_contact_id
            and steps.step_number = nodes.step_number

),

steps_with_nodes as (

    select
        *,
        dense_rank() over (
            partition by canonical_contact_id order by first_step_number
        ) as node_number
    from steps_in_nodes

),

times_per_node as (

    select
        canonical_contact_id,
        node_number,
        min(started_at) as node_started_at,
        max(coalesce(ended_at, started_at)) as node_ended_at,
        count(*) as node_step_count
    from steps_with_nodes
    group by canonical_contact_id, node_number

),

nodes_with_previous as (

    select
        *,
        max(node_ended_at) over (
            partition by canonical_contact_id
            order by node_number
            rows between unbounded preceding and 1 preceding
        ) as previous_ended_at
    from times_per_node

),

final as (

    select
        -- ids
        steps_with_nodes.canonical_contact_id,
        steps_with_nodes.conversation_id,
        steps_with_nodes.contact_id,
        steps_with_nodes.queue_id,
        steps_with_nodes.user_id,
        steps_with_nodes.wrapup_code_id,
        handoffs.earlier_conversation_id as handoff_from_conversation_id,

        -- strings
        steps_with_nodes.channel_type,
        steps_with_nodes.state,
        case
            when handoffs.step_number is not null
                then
                    coalesce(lower(handoffs.earlier_channel_type), 'unknown')
                    || '_to_' || coalesce(lower(steps_with_nodes.channel_type), 'unknown')
        end as handoff_type,
        handoffs.confidence as handoff_confidence,
        cast('{{ rules_version(rules) }}' as {{ dbt.type_string() }}) as rules_version,

        -- numbers
        cast(steps_with_nodes.step_number as bigint) as step_number,
        cast(steps_with_nodes.node_number as bigint) as node_number,
        nodes_with_previous.node_step_count,
        {{ seconds(
            duration_ms('steps_with_nodes.started_at', 'steps_with_nodes.ended_at')
        ) }} as duration_seconds,
        {{ seconds('handoffs.gap_ms') }} as handoff_gap_seconds,
        {{ seconds(milliseconds_between(
            'nodes_with_previous.previous_ended_at', 'nodes_with_previous.node_started_at'
        )) }} as since_previous_node_seconds,

        -- booleans
        coalesce(
            {{ milliseconds_between(
                'nodes_with_previous.previous_ended_at', 'nodes_with_previous.node_started_at'
            ) }} <= {{ var('repeat_contact_days') }} * cast(86400000 as bigint),
            false
        ) as is_repeat_contact,
        -- As in fct_interactions, set once the table is built.
        cast(null as boolean) as is_followed_by_repeat_contact,

        -- dates
        {{ local_date('steps_with_nodes.started_at', var('report_time_zone')) }} as started_date,

        -- timestamps, UTC
        steps_with_nodes.started_at,
        steps_with_nodes.ended_at,
        steps_with_nodes.loaded_at

    from steps_with_nodes
    inner join nodes_with_previous
        on
            steps_with_nodes.canonical_contact_id = nodes_with_previous.canonical_contact_id
            and steps_with_nodes.node_number = nodes_with_previous.node_number
    left join handoffs
        on
            steps_with_nodes.canonical_contact_id = handoffs.canonical_contact_id
            and steps_with_nodes.step_number = handoffs.step_number

)

select * from final
