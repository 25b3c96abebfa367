-- Grain: one row per date of report_time_zone, of the years in which anything was read and of the
-- one before: a conversation may have begun before the window that it was read in.

{% set zone = var('report_time_zone') %}

with

windows as (

    select
        min(window_start) as first_at,
        max(window_end) as last_at
    from {{ ref('stg_loader__extract_windows') }}
    where status = 'loaded'

),

years as (

    -- As dates: not every engine counts years from a timestamp.
    select
        cast({{ dbt.date_trunc('year', local_date('first_at', zone)) }} as date) as first_year,
        cast({{ dbt.date_trunc('year', local_date('last_at', zone)) }} as date) as last_year
    from windows
    where first_at is not null

),

span as (

    select
        cast({{ later('first_year', -1, 'year') }} as date) as first_date,
        cast({{ later('last_year', 1, 'year') }} as date) as end_date
    from years

),

-- A century's worth: what reaches further is cut off.
numbers as (

    {{ dbt.generate_series(36600) }}

),

numbered as (

    -- Powers of two make them, which some engines reckon as doubles.
    select cast(generated_number as bigint) - 1 as day_number from numbers

),

dates as (

    select
        cast({{ later('span.first_date', 'numbered.day_number', 'day') }} as date)
            as date_day,
        span.end_date
    from span
    cross join numbered

),

weekdays as (

    select
        date_day,
        {{ weekday_number('date_day') }} as weekday_number
    from dates
    where date_day < end_date

),

weeks as (

    select
        date_day,
        weekday_number,
        cast({{ later('date_day', '1 - weekday_number', 'day') }} as date)
            as week_started_date,
        -- The week of a Thursday is of that Thursday's year (ISO 8601).
        cast({{ later('date_day', '4 - weekday_number', 'day') }} as date) as thursday
    from weekdays

),

final as (

    select
        -- ids
        date_day,

        -- strings
        case weekday_number
            when 1 then 'Monday'
            when 2 then 'Tuesday'
            when 3 then 'Wednesday'
            when 4 then 'Thursday'
            when 5 then 'Friday'
            when 6 then 'Saturday'
            else 'Sunday'
        end as weekday_name,

        -- numbers
        weekday_number,
        cast(extract(day from date_day) as bigint) as day_of_month,
        cast(extract(month from date_day) as bigint) as month_number,
        cast(extract(quarter from date_day) as bigint) as quarter_number,
        cast(extract(year from date_day) as bigint) as year_number,
        cast(
            floor(
                {{ milliseconds_between(
                    'cast(' ~ dbt.date_trunc('year', 'thursday') ~ ' as timestamp)',
                    'cast(thursday as timestamp)'
                ) }} / 604800000.0
            ) as bigint
        ) + 1 as iso_week_number,
        cast(extract(year from thursday) as bigint) as iso_year_number,

        -- booleans
        weekday_number >= 6 as is_weekend,

        -- dates
        week_started_date,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_started_date

    from weeks

)

select * from final
