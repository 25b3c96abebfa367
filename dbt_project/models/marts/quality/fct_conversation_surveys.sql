{{ config(materialized='view') }}

-- Grain: one row per survey of a customer after a conversation.
-- A view, as fct_conversation_segments is.

with

surveys as (

    select * from {{ ref('int_surveys_unioned') }}

),

final as (

    select
        -- ids
        conversation_id,
        survey_id,
        user_id,
        queue_id,
        form_id,
        form_context_id,

        -- strings
        form_name,
        survey_type,
        survey_status,
        case
            when promoter_score between 9 and 10 then 'promoter'
            when promoter_score between 7 and 8 then 'passive'
            when promoter_score between 0 and 6 then 'detractor'
        end as promoter_group,

        -- numbers
        total_score,
        promoter_score,

        -- booleans
        coalesce(lower(survey_status) = 'finished' or completed_at is not null, false)
            as is_completed,
        is_partial_response,

        -- dates
        {{ local_date('occurred_at', var('report_time_zone')) }} as surveyed_date,
        {{ local_date('completed_at', var('report_time_zone')) }} as completed_date,

        -- timestamps, UTC
        occurred_at as surveyed_at,
        completed_at,
        loaded_at

    from surveys

)

select * from final
