-- Grain: one row per name of an agent and day. The page shows it where it is asked for alone.

with

intervals as (

    select * from {{ ref('fct_agent_intervals') }}
    where interval_kind = 'day'

),

users as (

    select * from {{ ref('dim_users') }}

),

final as (

    select
        -- strings
        users.user_name,

        -- numbers
        cast(sum(intervals.answered_count) as bigint) as answered_count,
        cast(sum(intervals.handled_count) as bigint) as handled_count,
        cast(sum(intervals.transferred_count) as bigint) as transferred_count,
        cast(sum(intervals.handle_seconds) as numeric(18, 3)) as handle_seconds,
        cast(sum(intervals.interacting_seconds) as numeric(18, 3)) as interacting_seconds,
        cast(sum(intervals.communicating_seconds) as numeric(18, 3)) as communicating_seconds,
        cast(sum(intervals.idle_seconds) as numeric(18, 3)) as idle_seconds,

        -- dates
        intervals.report_date

    from intervals
    inner join users
        on intervals.user_id = users.user_id
    group by users.user_name, intervals.report_date

)

select * from final
