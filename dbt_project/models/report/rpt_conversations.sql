-- Grain: one row per day on which inbound conversations began, their first channel and what became
-- of them.

with

interactions as (

    select * from {{ ref('fct_interactions') }}
    where originating_direction = 'inbound'

),

ended as (

    select
        initial_media_type as media_type,
        case
            when is_open then 'open'
            when is_connected is null then 'not_told'
            when is_connected then 'agent'
            when is_abandoned then 'abandoned'
            when voicemail_seconds > 0 then 'voicemail'
            when queue_count = 0 and ivr_seconds > 0 then 'flow'
            else 'elsewhere'
        end as ending,
        -- Who comes back is known at once, who does not a week later: before that all would have.
        case
            when is_repeat_window_observed and is_followed_by_repeat_contact then 1
            when is_repeat_window_observed then 0
        end as is_followed,
        started_date as report_date
    from interactions

),

final as (

    select
        -- strings
        media_type,
        ending,

        -- numbers
        count(*) as conversation_count,
        count(is_followed) as observed_count,
        cast(sum(is_followed) as bigint) as repeat_count,

        -- dates
        report_date

    from ended
    group by media_type, ending, report_date

)

select * from final
