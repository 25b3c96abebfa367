{{ config(meta={'registry_columns': true}) }}

-- depends_on: {{ ref('attribute_registry') }}
-- Grain: one row per participant.
-- One column per column name of the registry: a line added there is a column here, and
-- registry_contract.sql puts it under the contract. A table, not incremental: its shape follows
-- the registry, and it is one pass over the registered attributes.

with

participants as (

    select * from {{ ref('int_participants_unioned') }}

),

registered as (

    select
        *,
        row_number() over (
            partition by conversation_id, participant_id, column_name
            order by precedence asc, attribute_name asc
        ) as precedence_rank
    from {{ ref('fct_participant_attributes') }}
    where is_registered

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

select * from final
