-- Grain: one row per name of a flow, outcome name and day.

with

outcomes as (

    select * from {{ ref('fct_flow_outcomes') }}
    where interval_kind = 'day'

),

flows as (

    select * from {{ ref('dim_flows') }}

),

final as (

    select
        -- strings
        flows.flow_name,
        outcomes.outcome_name,

        -- numbers
        cast(sum(outcomes.outcome_count) as bigint) as outcome_count,
        cast(sum(outcomes.success_count) as bigint) as success_count,
        cast(sum(outcomes.failure_count) as bigint) as failure_count,
        cast(sum(case when outcomes.is_missing then 1 else 0 end) as bigint) as missing_day_count,

        -- dates
        outcomes.report_date

    from outcomes
    inner join flows
        on outcomes.flow_id = flows.flow_id
    group by flows.flow_name, outcomes.outcome_name, outcomes.report_date

)

select * from final
