-- Grain: one row per user that Genesys lists or that a conversation or an aggregate names.

with

{{ members(
    'int_users_unioned',
    'user_id',
    [
        ('int_sessions_timed', 'user_id'),
        ('int_conversations_unioned', 'first_user_id'),
        ('int_conversations_unioned', 'last_user_id'),
        ('int_journey_conversations_unioned', 'user_id'),
        ('int_agent_intervals_unioned', 'user_id'),
        ('int_agent_statuses_unioned', 'user_id'),
        ('int_evaluations_unioned', 'user_id'),
        ('int_evaluations_unioned', 'evaluator_user_id'),
        ('int_surveys_unioned', 'user_id'),
    ]
) }},

final as (

    select
        -- ids
        member_id as user_id,
        division_id,
        manager_user_id,

        -- strings
        coalesce(
            {{ personal('dim_users', 'user_name', 'user_name') }},
            {{ unknown_name('user', 'member_id') }}
        ) as user_name,
        {{ personal('dim_users', 'email', 'email') }} as email,
        department,
        {{ personal('dim_users', 'title', 'title') }} as title,
        state,
        division_name,

        -- booleans
        is_known,
        coalesce(is_deleted, false) as is_deleted

    from members

)

select * from final
