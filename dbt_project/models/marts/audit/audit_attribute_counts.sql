{{
    config(
        materialized='incremental',
        incremental_strategy='replace_loads',
        on_schema_change='fail',
        made_of={
            'conversations': 'int_conversations_unioned',
            'counts_by_load': 'attribute_name',
            'rules': ['attribute_registry']
        }
    )
}}

-- Grain: one row per load and exact attribute name that conversations have whose newest version it
-- brought; and one without a name, for all its conversations.
-- Each conversation is in one load, so numbers of conversations can be added up.

with

conversations as (

    select * from {{ ref('int_conversations_unioned') }}
    where {{ newly_loaded() }}

),

attributes as (

    select * from {{ ref('fct_participant_attributes') }}
    where {{ newly_loaded() }}

),

conversations_counted as (

    select
        loaded_at,
        count(*) as conversation_count
    from conversations
    group by loaded_at

),

attributes_counted as (

    select
        loaded_at,
        attribute_name,
        count(distinct conversation_id) as conversation_count,
        count(*) as participant_count,
        count(distinct case when inferred_type not in ('null', 'empty') then conversation_id end)
            as filled_conversation_count,
        count(case when inferred_type = 'null' then 1 end) as null_count,
        count(case when inferred_type = 'empty' then 1 end) as empty_count,
        count(case when inferred_type = 'boolean' then 1 end) as boolean_count,
        count(case when inferred_type = 'number' then 1 end) as number_count,
        count(case when inferred_type = 'date' then 1 end) as date_count,
        count(case when inferred_type = 'timestamp' then 1 end) as timestamp_count,
        count(case when inferred_type = 'text' then 1 end) as text_count,
        count(case when not is_cast_ok then 1 end) as failed_cast_count,
        count(case when value_length >= 1024 then 1 end) as truncated_count,
        cast(max(value_length) as bigint) as longest_value_length,
        min(conversation_started_at) as first_seen_at,
        max(conversation_started_at) as last_seen_at
    from attributes
    group by loaded_at, attribute_name

),

joined as (

    select
        conversations_counted.loaded_at,
        cast(null as {{ dbt.type_string() }}) as attribute_name,
        conversations_counted.conversation_count,
        cast(null as bigint) as participant_count,
        cast(null as bigint) as filled_conversation_count,
        cast(null as bigint) as null_count,
        cast(null as bigint) as empty_count,
        cast(null as bigint) as boolean_count,
        cast(null as bigint) as number_count,
        cast(null as bigint) as date_count,
        cast(null as bigint) as timestamp_count,
        cast(null as bigint) as text_count,
        cast(null as bigint) as failed_cast_count,
        cast(null as bigint) as truncated_count,
        cast(null as bigint) as longest_value_length,
        cast(null as timestamp) as first_seen_at,
        cast(null as timestamp) as last_seen_at
    from conversations_counted

    union all

    select * from attributes_counted

),

final as (

    select
        -- strings
        attribute_name,
        cast('{{ rules_version(['attribute_registry']) }}' as {{ dbt.type_string() }})
            as rules_version,

        -- numbers
        conversation_count,
        participant_count,
        filled_conversation_count,
        null_count,
        empty_count,
        boolean_count,
        number_count,
        date_count,
        timestamp_count,
        text_count,
        failed_cast_count,
        truncated_count,
        longest_value_length,

        -- timestamps, UTC
        first_seen_at,
        last_seen_at,
        loaded_at

    from joined

)

select * from final
