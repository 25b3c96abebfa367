-- Grain: one row per evaluation, whichever contract it was read by.

with

platform as (

    select
        conversation_id,
        evaluation_id,
        user_id,
        evaluator_user_id,
        assignee_user_id,
        queue_id,
        form_id,
        form_context_id,
        calibration_id,
        form_name,
        evaluation_status,
        total_score,
        total_critical_score,
        is_released,
        is_rescored,
        is_deleted,
        is_system_submitted,
        is_assignee_applicable,
        occurred_at,
        loaded_at
    from {{ ref('stg_platform__evaluations') }}

)

select * from platform
