-- Grain: one row per exact attribute name, seen or registered.

with

counts as (

    select * from {{ ref('audit_attribute_counts') }}

),

registry as (

    select
        name as attribute_name,
        count(*) as registry_line_count
    from {{ ref('attribute_registry') }}
    group by name

),

conversations as (

    select sum(conversation_count) as conversation_count
    from counts
    where attribute_name is null

),

seen as (

    select
        attribute_name,
        cast(sum(participant_count) as bigint) as participant_count,
        cast(sum(conversation_count) as bigint) as conversation_count,
        cast(sum(filled_conversation_count) as bigint) as filled_conversation_count,
        cast(sum(null_count) as bigint) as null_count,
        cast(sum(empty_count) as bigint) as empty_count,
        cast(sum(boolean_count) as bigint) as boolean_count,
        cast(sum(number_count) as bigint) as number_count,
        cast(sum(date_count) as bigint) as date_count,
        cast(sum(timestamp_count) as bigint) as timestamp_count,
        cast(sum(text_count) as bigint) as text_count,
        cast(sum(failed_cast_count) as bigint) as failed_cast_count,
        cast(sum(truncated_count) as bigint) as truncated_count,
        max(longest_value_length) as longest_value_length,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from counts
    where attribute_name is not null
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
