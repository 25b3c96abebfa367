-- Grain: one row per flow outcome that Genesys lists or that an attempt or an aggregate names.

with

{{ members(
    'int_flow_outcome_definitions_unioned',
    'flow_outcome_id',
    [
        ('int_flow_outcomes_unioned', 'flow_outcome_id'),
        ('int_flow_outcome_counts_unioned', 'flow_outcome_id'),
    ]
) }},

final as (

    select
        -- ids
        member_id as flow_outcome_id,
        division_id,

        -- strings
        coalesce(flow_outcome_name, {{ unknown_name('outcome', 'member_id') }})
            as flow_outcome_name,
        description,
        division_name,

        -- booleans
        is_known,
        coalesce(is_deleted, false) as is_deleted

    from members

)

select * from final
