{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        meta={'conversations': 'int_conversations_unioned', 'typed_by_registry': true}
    )
}}

-- depends_on: {{ ref('attribute_registry') }}
-- Grain: one row per participant and exact attribute name.
-- Incremental by load, and whole again when the registry changed: see loaded_through.

with

attributes as (

    select * from {{ ref('int_participant_attributes_typed') }}
    {% if is_incremental() %}
        where loaded_at > {{ loaded_through() }}
    {% endif %}

),

conversations as (

    select * from {{ ref('int_conversations_unioned') }}
    {% if is_incremental() %}
        where loaded_at > {{ loaded_through() }}
    {% endif %}

),

final as (

    select
        -- ids
        attributes.conversation_id,
        attributes.participant_id,

        -- strings
        attributes.participant_purpose,
        attributes.attribute_name,
        attributes.raw_value,
        attributes.inferred_type,
        attributes.column_name,
        attributes.data_type,
        attributes.value_text,
        cast('{{ registry_version() }}' as {{ dbt.type_string() }}) as registry_version,

        -- numbers
        attributes.value_number,
        attributes.precedence,

        -- booleans
        attributes.value_boolean,
        attributes.is_registered,
        attributes.is_cast_ok,
        attributes.is_pii,

        -- timestamps, UTC
        attributes.value_date,
        attributes.value_timestamp,
        conversations.started_at as conversation_started_at,
        attributes.loaded_at

    from attributes
    inner join conversations
        on attributes.conversation_id = conversations.conversation_id

)

select * from final
