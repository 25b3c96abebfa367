{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='conversation_id',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'source': 'guides', 'records_of': ['guides_interactions']}
    )
}}

-- depends_on: {{ ref('interaction_columns') }}
-- Grain: one row per interaction of the export, which is a conversation, as it was last exported.

with

{{ newest_versions('guides', 'guides_interactions') }},

records as (

    select
        record_id,
        extracted_at,
        loaded_at,
        {{ interaction_record('payload_json') }} as record
    from documents

),

timed as (

    select
        *,
        {{ timestamp_from_text(interaction_field('record', 'started_at')) }} as started_at,
        {{ timestamp_from_text(interaction_field('record', 'ended_at')) }} as ended_at,
        {{ milliseconds_from_seconds(interaction_field('record', 'duration_seconds')) }}
            as duration_ms
    from records

),

renamed as (

    select
        -- ids
        cast(record_id as {{ dbt.type_string() }}) as conversation_id,
        {{ json_array_end(interaction_field('record', 'queue_ids'), 'first') }} as first_queue_id,
        {{ json_array_end(interaction_field('record', 'user_ids'), 'first') }} as first_user_id,
        {{ json_array_end(interaction_field('record', 'user_ids'), 'last') }} as last_user_id,
        {{ interaction_field('record', 'wrapup_code_id') }} as wrapup_code_id,

        -- strings
        {{ interaction_field('record', 'interaction_type') }} as interaction_type,
        lower({{ interaction_field('record', 'direction') }}) as direction,
        lower({{ interaction_field('record', 'media_type') }}) as media_type,
        {{ interaction_field('record', 'state') }} as state,
        {{ interaction_field('record', 'external_tag') }} as external_tag,
        {{ interaction_field('record', 'ani') }} as ani,
        {{ json_array_text(interaction_field('record', 'division_ids')) }} as division_ids,
        {{ json_array_text(interaction_field('record', 'skills')) }} as skill_ids,

        -- numbers
        {{ json_array_size(interaction_field('record', 'queue_ids')) }} as queue_count,
        {{ json_array_size(interaction_field('record', 'user_ids')) }} as agent_count,
        duration_ms,
        {{ milliseconds_from_seconds(interaction_field('record', 'acw_seconds')) }} as acw_ms,

        -- timestamps, UTC; the end also follows where the service no longer has its column
        started_at,
        coalesce(ended_at, {{ later('started_at', 'duration_ms', 'millisecond') }})
            as ended_at,
        {{ utc('extracted_at') }} as extracted_at,
        loaded_at

    from timed

)

select * from renamed
