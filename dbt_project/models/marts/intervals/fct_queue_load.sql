{{ config(materialized='view') }}

-- Grain: one row per queue, media type and quarter hour in which anybody waited or was served.
-- A view that is asked for some dates counts those alone: every step below goes by the date.

{% set zone = var('report_time_zone') %}

with

visits as (

    select * from {{ ref('fct_queue_visits') }}

),

legs as (

    select * from {{ ref('fct_conversation_legs') }}

),

presences as (

    -- What goes on is counted until its version was loaded.
    select
        queue_id,
        media_type,
        'waiting' as presence,
        entered_at as began_at,
        coalesce(left_at, loaded_at) as ended_at
    from visits

    union all

    -- The call that an agent makes for a callback is the callback's.
    select
        queue_id,
        media_type,
        'served' as presence,
        connected_at as began_at,
        coalesce(connection_ended_at, loaded_at) as ended_at
    from legs
    where
        is_connected
        and callback_session_id is null

),

dated_presences as (

    -- From the first date to the last; an end is not in it. Nobody waits for a quarter: such times
    -- are mistakes, of which one alone would be a hundred thousand rows.
    select
        *,
        {{ local_date('began_at', zone) }} as first_date,
        {{ local_date('(' ~ later('ended_at', -1, 'microsecond') ~ ')', zone) }} as last_date
    from presences
    where
        queue_id is not null
        and ended_at > began_at
        and ended_at <= {{ later('began_at', 92, 'day') }}

),

presences_by_date as (

    select
        queue_id,
        media_type,
        presence,
        began_at,
        ended_at,
        cast(step_at as date) as report_date
    from {{ steps_between(
        'dated_presences', 'cast(first_date as timestamp)', 'cast(last_date as timestamp)', '1 day',
        'step_at'
    ) }}

),

days as (

    select
        *,
        {{ date_started_at('report_date', zone) }} as day_started_at,
        {{ date_started_at(later('report_date', 1, 'day'), zone) }} as day_ended_at
    from presences_by_date

),

presences_of_day as (

    select
        queue_id,
        media_type,
        presence,
        report_date,
        day_started_at,
        greatest(began_at, day_started_at) as began_at,
        least(ended_at, day_ended_at) as ended_at
    from days

),

quarters as (

    select
        *,
        {{ later('interval_started_at', 15, 'minute') }} as interval_ended_at
    from {{ steps_between(
        'presences_of_day',
        stretch_started_at('began_at', 'day_started_at', 15),
        later('ended_at', -1, 'microsecond'),
        '15 minutes',
        'interval_started_at'
    ) }}

),

presences_of_quarter as (

    select
        queue_id,
        media_type,
        presence,
        report_date,
        interval_started_at,
        interval_ended_at,
        greatest(began_at, interval_started_at) as began_at,
        least(ended_at, interval_ended_at) as ended_at
    from quarters

),

sides as (

    select 1 as delta
    union all
    select -1 as delta

),

changes as (

    select
        presences_of_quarter.*,
        sides.delta,
        case
            when sides.delta = 1 then presences_of_quarter.began_at
            else presences_of_quarter.ended_at
        end as changed_at
    from presences_of_quarter
    cross join sides

),

levels as (

    -- Who leaves at the moment at which another comes was not there with them.
    select
        *,
        sum(delta) over (
            partition by queue_id, media_type, presence, report_date, interval_started_at
            order by changed_at asc, delta asc
            rows unbounded preceding
        ) as level_count,
        case when delta = 1 then {{ milliseconds_between('began_at', 'ended_at') }} end
            as presence_ms
    from changes

),

quarters_of_queues as (

    select
        queue_id,
        media_type,
        report_date,
        interval_started_at,
        interval_ended_at,
        coalesce(sum(case when presence = 'waiting' then presence_ms end), 0) as waiting_ms,
        coalesce(sum(case when presence = 'served' then presence_ms end), 0) as served_ms,
        coalesce(max(case when presence = 'waiting' then level_count end), 0)
            as peak_waiting_count,
        coalesce(max(case when presence = 'served' then level_count end), 0) as peak_served_count
    from levels
    group by queue_id, media_type, report_date, interval_started_at, interval_ended_at

),

final as (

    select
        -- ids
        queue_id,

        -- strings
        media_type,

        -- numbers
        cast(peak_waiting_count as bigint) as peak_waiting_count,
        cast(peak_served_count as bigint) as peak_served_count,
        {{ ratio('waiting_ms', '900000') }} as average_waiting_count,
        {{ ratio('served_ms', '900000') }} as average_served_count,
        {{ seconds('waiting_ms') }} as waiting_seconds,
        {{ seconds('served_ms') }} as served_seconds,

        -- dates
        report_date,

        -- timestamps, UTC
        interval_started_at,
        interval_ended_at

    from quarters_of_queues

)

select * from final
