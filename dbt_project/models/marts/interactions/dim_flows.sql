-- Grain: one row per flow that Genesys lists, or that a conversation, an aggregate or an expected
-- outcome names.

with

{{ members(
    'int_flows_unioned',
    'flow_id',
    [
        ('int_sessions_unioned', 'flow_id'),
        ('int_flow_outcome_counts_unioned', 'flow_id'),
        ('int_flow_outcomes_expected', 'flow_id'),
    ]
) }},

types_in_conversations as (

    select
        flow_id,
        max(flow_type) as flow_type
    from {{ ref('int_sessions_unioned') }}
    where flow_id is not null
    group by flow_id

),

final as (

    select
        -- ids
        members.member_id as flow_id,
        members.division_id,

        -- strings
        coalesce(members.flow_name, {{ unknown_name('flow', 'members.member_id') }})
            as flow_name,
        coalesce(members.flow_type, types_in_conversations.flow_type) as flow_type,
        members.description,
        members.division_name,

        -- booleans
        members.is_known,
        coalesce(members.is_active, false) as is_active,
        coalesce(members.is_deleted, false) as is_deleted

    from members
    left join types_in_conversations
        on members.member_id = types_in_conversations.flow_id

)

select * from final
