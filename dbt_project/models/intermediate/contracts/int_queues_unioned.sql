-- Grain: one row per queue that a list or a report gives a name, whichever contract it was read by.

with

platform as (

    select
        queue_id,
        division_id,
        queue_name,
        description,
        is_deleted
    from {{ ref('stg_platform__queues') }}

),

named as (

    -- A report names who it is about; the newest name counts.
    select
        queue_id,
        queue_name,
        row_number() over (
            partition by queue_id order by loaded_at desc, bucket_started_at desc
        ) as name_rank
    from {{ ref('stg_guides__queue_intervals') }}
    where queue_name is not null

),

guides as (

    select
        queue_id,
        cast(null as {{ dbt.type_string() }}) as division_id,
        queue_name,
        cast(null as {{ dbt.type_string() }}) as description,
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
