{% set rules = ['attribute_registry', 'report_time_zone'] %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={
            'conversations': 'int_conversations_unioned',
            'rules': rules,
            'repeats': ['conversation_id']
        }
    )
}}

-- depends_on: {{ ref('attribute_registry') }}
-- Grain: one row per participant and exact attribute name.
-- Incremental by load, and whole again when the registry or the salt changed.

with

attributes as (

    select * from {{ ref('int_participant_attributes_typed') }}
    where {{ newly_loaded() }}

),

conversations as (

    select * from {{ ref('int_conversations_unioned') }}
    where {{ newly_loaded() }}

),

masked as (

    -- A personal value is its hash and nothing else; what is said about the value stays.
    select
        conversation_id,
        participant_id,
        participant_purpose,
        attribute_name,
        case when is_pii then {{ hashed('raw_value') }} else raw_value end as raw_value,
        inferred_type,
        column_name,
        data_type,
        case when is_pii then {{ hashed('value_text') }} else value_text end as value_text,
        length(raw_value) as value_length,
        case when is_pii then null else value_number end as value_number,
        precedence,
        case when is_pii then null else value_boolean end as value_boolean,
        is_registered,
        is_cast_ok,
        is_pii,
        case when is_pii then null else value_date end as value_date,
        case when is_pii then null else value_timestamp end as value_timestamp,
        loaded_at
    from attributes

),

final as (

    select
        -- ids
        masked.conversation_id,
        masked.participant_id,

        -- strings
        masked.participant_purpose,
        masked.attribute_name,
        masked.raw_value,
        masked.inferred_type,
        masked.column_name,
        masked.data_type,
        masked.value_text,
        cast('{{ rules_version(rules) }}' as {{ dbt.type_string() }}) as rules_version,

        -- numbers; on Postgres a case forgets the scale of its branches
        cast(masked.value_number as numeric(38, 9)) as value_number,
        cast(masked.value_length as bigint) as value_length,
        masked.precedence,

        -- booleans
        masked.value_boolean,
        masked.is_registered,
        masked.is_cast_ok,
        masked.is_pii,

        -- dates
        {{ local_date('conversations.started_at', var('report_time_zone')) }}
            as conversation_started_date,

        -- timestamps, UTC
        masked.value_date,
        masked.value_timestamp,
        conversations.started_at as conversation_started_at,
        masked.loaded_at

    from masked
    inner join conversations
        on masked.conversation_id = conversations.conversation_id

)

-- Where they stand together, what they have in common takes no room.
select * from final
order by loaded_at, conversation_id, participant_id
