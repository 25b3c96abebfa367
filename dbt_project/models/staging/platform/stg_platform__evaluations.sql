{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'stg_platform__conversations'}
    )
}}

-- depends_on: {{ ref('stg_platform__conversations') }}
-- Grain: one row per evaluation of an agent in a conversation.

with

{{ conversation_elements(['evaluations']) }},

evaluations as (

    select
        conversation_id,
        loaded_at,
        first_number as evaluation_number,
        {{ json_record(
            'element_json',
            [
                'evaluationId', 'userId', 'evaluatorId', 'assigneeId', 'queueId', 'formId', 'contextId',
                'calibrationId', 'formName', 'evaluationStatus', 'oTotalScore', 'oTotalCriticalScore',
                'released', 'rescored', 'deleted', 'systemSubmitted', 'assigneeApplicable', 'eventTime',
            ]
        ) }} as record
    from elements

),

identified as (

    select
        *,
        coalesce(
            {{ json_field('record', 'evaluationId') }},
            'evaluation ' || cast(evaluation_number as {{ dbt.type_string() }})
        ) as given_id
    from evaluations

),

numbered as (

    select
        *,
        row_number() over (
            partition by conversation_id, given_id order by evaluation_number
        ) as id_use
    from identified

),

renamed as (

    select
        -- ids
        conversation_id,
        {{ id_of_its_own('given_id', 'id_use') }} as evaluation_id,
        {{ json_field('record', 'userId') }} as user_id,
        {{ json_field('record', 'evaluatorId') }} as evaluator_user_id,
        {{ json_field('record', 'assigneeId') }} as assignee_user_id,
        {{ json_field('record', 'queueId') }} as queue_id,
        {{ json_field('record', 'formId') }} as form_id,
        {{ json_field('record', 'contextId') }} as form_context_id,
        {{ json_field('record', 'calibrationId') }} as calibration_id,

        -- strings
        {{ json_field('record', 'formName') }} as form_name,
        {{ json_field('record', 'evaluationStatus') }} as evaluation_status,

        -- numbers
        cast(evaluation_number as bigint) as evaluation_number,
        {{ try_double(json_field('record', 'oTotalScore')) }} as total_score,
        {{ try_double(json_field('record', 'oTotalCriticalScore')) }} as total_critical_score,

        -- booleans
        {{ try_boolean(json_field('record', 'released')) }} as is_released,
        {{ try_boolean(json_field('record', 'rescored')) }} as is_rescored,
        {{ try_boolean(json_field('record', 'deleted')) }} as is_deleted,
        {{ try_boolean(json_field('record', 'systemSubmitted')) }} as is_system_submitted,
        {{ try_boolean(json_field('record', 'assigneeApplicable')) }} as is_assignee_applicable,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('record', 'eventTime')) }} as occurred_at,
        loaded_at

    from numbered

)

select * from renamed
