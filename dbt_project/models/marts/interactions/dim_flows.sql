-- Grain: one row per flow that Genesys lists or that a conversation or an aggregate names.

with

flows as (

    select * from {{ ref('int_flows_unioned') }}

),

divisions as (

    select * from {{ ref('int_divisions_unioned') }}

),

used as (

    select
        flow_id,
        max(flow_type) as flow_type
    from (
        select
            flow_id,
            flow_type
        from {{ ref('int_sessions_unioned') }}
        where flow_id is not null
        union all
        select
            flow_id,
            null as flow_type
        from {{ ref('int_flow_outcome_counts_unioned') }}
    ) as flows_named
    group by flow_id

),

final as (

    select
        -- ids
        coalesce(flows.flow_id, used.flow_id) as flow_id,
        flows.division_id,

        -- strings
        coalesce(
            flows.flow_name,
            {{ unknown_name('flow', 'coalesce(flows.flow_id, used.flow_id)') }}
        ) as flow_name,
        coalesce(flows.flow_type, used.flow_type) as flow_type,
        flows.description,
        divisions.division_name,

        -- booleans
        flows.flow_id is not null as is_known,
        coalesce(flows.is_active, false) as is_active,
        coalesce(flows.is_deleted, false) as is_deleted

    from flows
    full outer join used
        on flows.flow_id = used.flow_id
    left join divisions
        on flows.division_id = divisions.division_id

)

select * from final
