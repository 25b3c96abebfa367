-- Grain: one row per exact attribute name, seen or registered.

with

attributes as (

    select * from {{ ref('fct_participant_attributes') }}

),

registry as (

    select
        name as attribute_name,
        count(*) as registry_line_count
    from {{ ref('attribute_registry') }}
    group by name

),

conversations as (

    select count(*) as conversation_count
    from {{ ref('fct_interactions') }}

),

seen as (

    select
        attribute_name,
        count(*) as participant_count,
        count(distinct conversation_id) as conversation_count,
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
        max(value_length) as longest_value_length,
        min(conversation_started_at) as first_seen_at,
        max(conversation_started_at) as last_seen_at
    from attributes
    group by attribute_name

),

names as (

    select
        coalesce(seen.attribute_name, registry.attribute_name) as attribute_name,
        registry.registry_line_count,
        seen.participant_count,
        seen.conversation_count,
        seen.filled_conversation_count,
        seen.null_count,
        seen.empty_count,
        seen.boolean_count,
        seen.number_count,
        seen.date_count,
        seen.timestamp_count,
        seen.text_count,
        seen.failed_cast_count,
        seen.truncated_count,
        seen.longest_value_length,
        seen.first_seen_at,
        seen.last_seen_at
    from seen
    full outer join registry
        on seen.attribute_name = registry.attribute_name

),

normalised as (

    -- What people would take for the same name.
    select
        *,
        lower(replace(replace(attribute_name, ' ', ''), '_', '')) as normalised_name
    from names

),

final as (

    select
        -- strings
        normalised.attribute_name,
        normalised.normalised_name,
        case
            when
                coalesce(normalised.participant_count, 0)
                = coalesce(normalised.null_count, 0) + coalesce(normalised.empty_count, 0)
                then null
            when normalised.text_count > 0 then 'text'
            when
                normalised.number_count > 0
                and normalised.boolean_count + normalised.date_count + normalised.timestamp_count
                = 0
                then 'number'
            when
                normalised.boolean_count > 0
                and normalised.number_count + normalised.date_count + normalised.timestamp_count = 0
                then 'boolean'
            when
                normalised.date_count > 0
                and normalised.number_count + normalised.boolean_count
                + normalised.timestamp_count = 0
                then 'date'
            when
                normalised.timestamp_count > 0
                and normalised.number_count + normalised.boolean_count = 0
                then 'timestamp'
            else 'text'
        end as inferred_type,

        -- numbers
        coalesce(normalised.participant_count, 0) as participant_count,
        coalesce(normalised.conversation_count, 0) as conversation_count,
        cast(
            case
                when conversations.conversation_count > 0
                    then
                        coalesce(normalised.filled_conversation_count, 0) * 1.0000
                        / conversations.conversation_count
            end as numeric(9, 4)
        ) as fill_rate,
        coalesce(normalised.null_count, 0) as null_count,
        coalesce(normalised.empty_count, 0) as empty_count,
        coalesce(normalised.boolean_count, 0) as boolean_count,
        coalesce(normalised.number_count, 0) as number_count,
        coalesce(normalised.date_count, 0) as date_count,
        coalesce(normalised.timestamp_count, 0) as timestamp_count,
        coalesce(normalised.text_count, 0) as text_count,
        coalesce(normalised.failed_cast_count, 0) as failed_cast_count,
        coalesce(normalised.truncated_count, 0) as truncated_count,
        cast(normalised.longest_value_length as bigint) as longest_value_length,
        count(*) over (partition by normalised.normalised_name) - 1 as similar_name_count,

        -- booleans
        normalised.registry_line_count is not null as is_registered,

        -- timestamps, UTC
        normalised.first_seen_at,
        normalised.last_seen_at

    from normalised
    cross join conversations

)

select * from final
