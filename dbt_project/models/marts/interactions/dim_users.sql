-- Grain: one row per user that Genesys lists or that a conversation or an aggregate names.

with

users as (

    select * from {{ ref('int_users_unioned') }}

),

divisions as (

    select * from {{ ref('int_divisions_unioned') }}

),

used as (

    select user_id from {{ ref('int_sessions_timed') }}
    where user_id is not null
    union
    select first_user_id as user_id from {{ ref('int_conversations_unioned') }}
    where first_user_id is not null
    union
    select last_user_id as user_id from {{ ref('int_conversations_unioned') }}
    where last_user_id is not null
    union
    select user_id from {{ ref('int_journey_conversations_unioned') }}
    where user_id is not null
    union
    select user_id from {{ ref('int_agent_intervals_unioned') }}
    union
    select user_id from {{ ref('int_agent_statuses_unioned') }}

),

final as (

    select
        -- ids
        coalesce(users.user_id, used.user_id) as user_id,
        users.division_id,
        users.manager_user_id,

        -- strings
        coalesce(
            {{ personal('dim_users', 'user_name', 'users.user_name') }},
            {{ unknown_name('user', 'coalesce(users.user_id, used.user_id)') }}
        ) as user_name,
        {{ personal('dim_users', 'email', 'users.email') }} as email,
        users.department,
        {{ personal('dim_users', 'title', 'users.title') }} as title,
        users.state,
        divisions.division_name,

        -- booleans
        users.user_id is not null as is_known,
        coalesce(users.is_deleted, false) as is_deleted

    from users
    full outer join used
        on users.user_id = used.user_id
    left join divisions
        on users.division_id = divisions.division_id

)

select * from final
