{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'stg_platform__conversations', 'repeats': ['conversation_id']}
    )
}}

-- depends_on: {{ ref('stg_platform__conversations') }}
-- Grain: one row per metric that a session emitted. A name may come more than once (tTalk once per
-- stretch), so metrics are numbered.

with

{{ session_elements('metrics', ['name', 'value', 'emitDate']) }},

renamed as (

    select
        -- ids
        conversation_id,
        session_id,

        -- strings
        {{ json_field('record', 'name') }} as metric_name,

        -- numbers
        cast(element_number as bigint) as metric_number,
        {{ try_bigint(json_field('record', 'value')) }} as metric_value,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('record', 'emitDate')) }} as emitted_at,
        loaded_at

    from session_elements

)

-- Where they stand together, what they have in common takes no room.
select * from renamed
order by loaded_at, conversation_id, session_id, metric_number
