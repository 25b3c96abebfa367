{{ config(meta={'registry_columns': true}) }}

-- depends_on: {{ ref('attribute_registry') }}
-- Grain: one row per participant.
-- One column per column name of the registry: a line added there is a column here, and
-- registry_contract.sql puts it under the contract. A table, not incremental: its shape follows
-- the registry, and it is one pass over the registered attributes.

{%- set types = attribute_types() %}
{%- set columns = attribute_columns() %}

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
    {%- for column, lines in columns.items() %}
        {%- set value = types[lines[0].data_type].value %}
        {%- set chosen = "case when column_name = '" ~ column ~ "' then " ~ value ~ " end" %}
        {%- if lines[0].data_type == 'boolean' %}
        {{ boolean_any(chosen) }} as {{ adapter.quote(column) }},
        {%- else %}
        max({{ chosen }}) as {{ adapter.quote(column) }},
        {%- endif %}
        max(case when column_name = '{{ column }}' then 1 else 0 end) = 1
            as _is_present_{{ loop.index }},
        {%- endfor %}
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
    {%- for column, lines in columns.items() %},
        {%- set name = 'attributes_per_participant.' ~ adapter.quote(column) %}
        {%- set present = 'attributes_per_participant._is_present_' ~ loop.index %}
        {%- set purposes = lines | map(attribute='participant_purpose') | list %}
        {%- set default_value = lines[0].default_value %}
        cast(
            {%- if default_value is none %}
            {{ name }}
            {%- else %}
            case
                when coalesce({{ present }}, false) then {{ name }}
                {%- if none not in purposes %}
                when
                    participants.participant_purpose in ('{{ purposes | join("', '") }}')
                    then cast(
                        '{{ default_value | replace("'", "''") }}' as {{ types[lines[0].data_type].sql }}
                    )
                {%- else %}
                else cast(
                    '{{ default_value | replace("'", "''") }}' as {{ types[lines[0].data_type].sql }}
                )
                {%- endif %}
            end
            {%- endif %}
            as {{ types[lines[0].data_type].sql }}
        ) as {{ adapter.quote(column) }}
        {%- endfor %}

    from participants
    -- The join is of use as soon as the registry has a line.
    left join attributes_per_participant -- noqa: ST11
        on
            participants.conversation_id = attributes_per_participant.conversation_id
            and participants.participant_id = attributes_per_participant.participant_id

)

select * from final
