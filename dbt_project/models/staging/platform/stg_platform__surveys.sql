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
-- Grain: one row per survey of a customer after a conversation.

with

{{ conversation_elements(['surveys']) }},

surveys as (

    select
        conversation_id,
        loaded_at,
        first_number as survey_number,
        {{ json_record(
            'element_json',
            [
                'surveyId', 'userId', 'queueId', 'surveyFormId', 'surveyFormContextId', 'surveyFormName',
                'surveyType', 'surveyStatus', 'oSurveyTotalScore', 'surveyPromoterScore',
                'surveyPartialResponse', 'eventTime', 'surveyCompletedDate',
            ]
        ) }} as record
    from elements

),

identified as (

    select
        *,
        coalesce(
            {{ json_field('record', 'surveyId') }},
            'survey ' || cast(survey_number as {{ dbt.type_string() }})
        ) as given_id
    from surveys

),

numbered as (

    select
        *,
        row_number() over (
            partition by conversation_id, given_id order by survey_number
        ) as id_use
    from identified

),

renamed as (

    select
        -- ids
        conversation_id,
        {{ id_of_its_own('given_id', 'id_use') }} as survey_id,
        {{ json_field('record', 'userId') }} as user_id,
        {{ json_field('record', 'queueId') }} as queue_id,
        {{ json_field('record', 'surveyFormId') }} as form_id,
        {{ json_field('record', 'surveyFormContextId') }} as form_context_id,

        -- strings
        {{ json_field('record', 'surveyFormName') }} as form_name,
        {{ json_field('record', 'surveyType') }} as survey_type,
        {{ json_field('record', 'surveyStatus') }} as survey_status,

        -- numbers
        cast(survey_number as bigint) as survey_number,
        {{ try_double(json_field('record', 'oSurveyTotalScore')) }} as total_score,
        {{ try_bigint(json_field('record', 'surveyPromoterScore')) }} as promoter_score,

        -- booleans
        {{ try_boolean(json_field('record', 'surveyPartialResponse')) }} as is_partial_response,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('record', 'eventTime')) }} as occurred_at,
        {{ timestamp_from_text(json_field('record', 'surveyCompletedDate')) }} as completed_at,
        loaded_at

    from numbered

)

select * from renamed
