{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={
            'conversations': 'int_conversations_unioned',
            'registry_columns': true,
            'rules': ['attribute_registry']
        }
    )
}}

-- depends_on: {{ ref('attribute_registry') }}
-- depends_on: {{ ref('int_conversations_unioned') }}
-- Grain: one row per participant.
-- One column per column name of the registry: a line added there is a column here, and
-- registry_contract.sql puts it under the contract. Another registry is another shape, so it has
-- the table made anew.

with

participants as (

    select * from {{ ref('int_participants_unioned') }}
    where {{ newly_loaded() }}

),

registered as (

    select
        *,
        row_number() over (
            partition by conversation_id, participant_id, column_name
            order by precedence asc, attribute_name asc
        ) as precedence_rank
    from {{ ref('fct_participant_attributes') }}
    where
        is_registered
        and {{ newly_loaded() }}

),

attributes_per_participant as (

    select
        {{ registry_aggregates() }}
        conversation_id,
        participant_id
    from registered
    where precedence_rank = 1
    group by conversation_id, participant_id

),

final as (

    select
        -- ids
        participants.conversation_id,
        participants.participant_id,

        -- strings
        participants.participant_purpose,
        cast('{{ rules_version(['attribute_registry']) }}' as {{ dbt.type_string() }})
            as rules_version,

        -- timestamps, UTC
        participants.loaded_at
        {{ registry_columns('participants', 'attributes_per_participant') }} -- noqa: LT02

    from participants
    -- The join is of use as soon as the registry has a line.
    left join attributes_per_participant -- noqa: ST11
        on
            participants.conversation_id = attributes_per_participant.conversation_id
            and participants.participant_id = attributes_per_participant.participant_id

)

-- Where they stand together, what they have in common takes no room.
select * from final
order by loaded_at, conversation_id, participant_id
