-- Grain: one row per agent and day of report_time_zone in which anything was counted.

with

intervals as (

    select * from {{ ref('fct_agent_intervals') }}
    where interval_kind = 'day'

),

final as (

    select
        -- ids
        user_id,

        -- numbers
        answered_count,
        handled_count,
        transferred_count,
        handle_seconds,
        interacting_seconds,
        communicating_seconds,
        idle_seconds,
        not_responding_seconds,
        on_queue_seconds,
        logged_in_seconds,

        -- dates
        report_date

    from intervals

)

select * from final
