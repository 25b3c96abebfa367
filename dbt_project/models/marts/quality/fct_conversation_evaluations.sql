{{ config(materialized='view') }}

-- Grain: one row per evaluation of an agent in a conversation.
-- A view, as fct_conversation_segments is.

with

evaluations as (

    select * from {{ ref('int_evaluations_unioned') }}

),

final as (

    select
        -- ids
        conversation_id,
        evaluation_id,
        user_id,
        evaluator_user_id,
        assignee_user_id,
        queue_id,
        form_id,
        form_context_id,
        calibration_id,

        -- strings
        form_name,
        evaluation_status,

        -- numbers
        total_score,
        total_critical_score,

        -- booleans
        coalesce(is_released, false) as is_released,
        coalesce(is_rescored, false) as is_rescored,
        coalesce(is_deleted, false) as is_deleted,
        coalesce(is_system_submitted, false) as is_system_submitted,
        is_assignee_applicable,
        coalesce(
            total_score is not null
            and lower(evaluation_status) = 'finished'
            and not coalesce(is_deleted, false)
            and calibration_id is null,
            false
        ) as is_counted,

        -- dates
        {{ local_date('occurred_at', var('report_time_zone')) }} as evaluated_date,

        -- timestamps, UTC
        occurred_at as evaluated_at,
        loaded_at

    from evaluations

)

select * from final
