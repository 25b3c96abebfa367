-- Grain: one row per state, with what became of its conversations in journeys.

with

steps as (

    select * from {{ ref('int_journey_steps_resolved') }}

),

final as (

    select
        -- strings
        coalesce(state, 'none') as state,
        filter_reason,

        -- numbers
        count(*) as step_count,
        count(distinct conversation_id) as conversation_count,
        count(distinct canonical_contact_id) as contact_count,

        -- booleans
        is_kept,

        -- timestamps, UTC
        min(started_at) as first_started_at,
        max(started_at) as last_started_at

    from steps
    group by state, filter_reason, is_kept

)

select * from final
