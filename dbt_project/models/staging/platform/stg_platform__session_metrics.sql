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
-- Grain: one row per metric that a session emitted. A name may come more than once (tTalk once per
-- stretch), so metrics are numbered.

with

sessions as (

    select * from {{ ref('stg_platform__sessions') }}
    where {{ newly_loaded() }}

),

metrics as (

    select
        sessions.conversation_id,
        sessions.session_id,
        sessions.loaded_at,
        metric.position as metric_number,
        {{ json_record('metric.value', ['name', 'value', 'emitDate']) }} as record
    from {{ json_array_elements('sessions', 'sessions.metrics_json', 'metric') }}

),

renamed as (

    select
        -- ids
        conversation_id,
        session_id,

        -- strings
        {{ json_field('record', 'name') }} as metric_name,

        -- numbers
        cast(metric_number as bigint) as metric_number,
        {{ try_bigint(json_field('record', 'value')) }} as metric_value,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('record', 'emitDate')) }} as emitted_at,
        loaded_at

    from metrics

)

select * from renamed
