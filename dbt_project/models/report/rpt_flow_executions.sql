-- Grain: one row per name of a flow that customers met first, channel and day.

with

executions as (

    select * from {{ ref('fct_flow_executions') }}
    where is_entry_run and is_contained is not null

),

flows as (

    select * from {{ ref('dim_flows') }}

),

final as (

    select
        -- strings
        flows.flow_name,
        executions.media_type,

        -- numbers
        count(*) as run_count,
        cast(sum(case when executions.is_contained then 1 else 0 end) as bigint)
            as contained_count,

        -- dates
        executions.started_date as report_date

    from executions
    inner join flows
        on executions.flow_id = flows.flow_id
    group by flows.flow_name, executions.media_type, executions.started_date

)

select * from final
