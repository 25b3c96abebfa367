-- Grain: one row per survey, whichever contract it was read by.

with

platform as (

    select
        conversation_id,
        survey_id,
        user_id,
        queue_id,
        form_id,
        form_context_id,
        form_name,
        survey_type,
        survey_status,
        total_score,
        promoter_score,
        is_partial_response,
        occurred_at,
        completed_at,
        loaded_at
    from {{ ref('stg_platform__surveys') }}

)

select * from platform
