-- Grain: one row per flow, outcome name and day of report_time_zone.

with

outcomes as (

    select * from {{ ref('fct_flow_outcomes') }}
    where interval_kind = 'day'

),

final as (

    select
        -- ids
        flow_id,

        -- strings
        outcome_name,

        -- numbers
        outcome_count,
        success_count,
        failure_count,

        -- dates
        report_date

    from outcomes

)

select * from final
