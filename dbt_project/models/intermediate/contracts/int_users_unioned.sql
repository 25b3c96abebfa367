-- Grain: one row per user that a list or a report gives a name, whichever contract it was read by.

with

platform as (

    select
        user_id,
        division_id,
        manager_user_id,
        user_name,
        email,
        department,
        title,
        state,
        is_deleted
    from {{ ref('stg_platform__users') }}

),

named as (

    -- A report names who it is about; the newest name counts.
    select
        user_id,
        user_name,
        row_number() over (
            partition by user_id order by loaded_at desc, bucket_started_at desc
        ) as name_rank
    from {{ ref('stg_guides__agent_intervals') }}
    where user_name is not null

),

guides as (

    select
        user_id,
        cast(null as {{ dbt.type_string() }}) as division_id,
        cast(null as {{ dbt.type_string() }}) as manager_user_id,
        user_name,
        cast(null as {{ dbt.type_string() }}) as email,
        cast(null as {{ dbt.type_string() }}) as department,
        cast(null as {{ dbt.type_string() }}) as title,
        cast(null as {{ dbt.type_string() }}) as state,
        false as is_deleted
    from named
    where name_rank = 1

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
