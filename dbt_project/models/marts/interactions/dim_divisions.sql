-- Grain: one row per division that Genesys lists or that anything listed lies in.

with

{{ members(
    'int_divisions_unioned',
    'division_id',
    [
        ('int_queues_unioned', 'division_id'),
        ('int_users_unioned', 'division_id'),
        ('int_flows_unioned', 'division_id'),
        ('int_flow_outcome_definitions_unioned', 'division_id'),
        ('int_wrapup_codes_unioned', 'division_id'),
    ]
) }},

final as (

    select
        -- ids
        member_id as division_id,

        -- strings
        coalesce(division_name, {{ unknown_name('division', 'member_id') }}) as division_name,

        -- booleans
        is_known,
        coalesce(is_home_division, false) as is_home_division,
        coalesce(is_deleted, false) as is_deleted

    from members

)

select * from final
