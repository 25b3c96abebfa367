-- Grain: one row per column of the attribute registry and value of it, without regard to case, that
-- ten conversations have and more; on all days, so that no cut shows fewer.

with

attributes as (

    select * from {{ ref('fct_participant_attributes') }}
    where
        is_registered
        and not is_pii
        and data_type in ('text', 'boolean')
        and participant_purpose = 'customer'

),

interactions as (

    select * from {{ ref('fct_interactions') }}

),

names_per_column as (

    select
        column_name,
        count(*) as name_count
    from {{ ref('attribute_registry') }}
    group by column_name

),

valued as (

    -- Nearly all conversations have a value once: of a million of them the others alone are worth
    -- looking for twice.
    select
        attributes.column_name,
        {{ by_code_point("coalesce(
            nullif(lower(trim(attributes.value_text)), ''),
            case attributes.value_boolean when true then 'true' when false then 'false' end,
            '(empty)'
        )") }} as attribute_value,
        case
            when interactions.customer_count = 1 and names_per_column.name_count = 1 then null
            else attributes.conversation_id
        end as repeating_conversation_id,
        case when interactions.queue_count > 0 then 1 else 0 end as is_queued,
        case
            when interactions.is_abandoned then 1 when not interactions.is_abandoned then 0
        end as is_abandoned,
        case
            when interactions.handle_seconds > 0 then 1 when interactions.handle_seconds = 0 then 0
        end as is_handled,
        interactions.handle_seconds
    from attributes
    inner join interactions
        on attributes.conversation_id = interactions.conversation_id
    left join names_per_column
        on attributes.column_name = names_per_column.column_name
    where attributes.is_cast_ok

),

counted_apart as (

    -- Once a conversation, however many customers it has.
    select
        column_name,
        attribute_value,
        case when repeating_conversation_id is null then count(*) else 1 end as conversation_count,
        case
            when repeating_conversation_id is null then sum(is_queued) else max(is_queued)
        end as is_queued,
        case
            when repeating_conversation_id is null then sum(is_abandoned) else max(is_abandoned)
        end as is_abandoned,
        case
            when repeating_conversation_id is null then sum(is_handled) else max(is_handled)
        end as is_handled,
        case
            when repeating_conversation_id is null then sum(handle_seconds) else max(handle_seconds)
        end as handle_seconds
    from valued
    group by column_name, attribute_value, repeating_conversation_id

),

counted as (

    select
        column_name,
        attribute_value,
        cast(sum(conversation_count) as bigint) as conversation_count,
        cast(sum(is_queued) as bigint) as queued_count,
        cast(sum(is_abandoned) as bigint) as abandoned_count,
        cast(sum(is_handled) as bigint) as handled_count,
        cast(sum(handle_seconds) as numeric(18, 3)) as handle_seconds
    from counted_apart
    group by column_name, attribute_value

),

ranked as (

    select
        *,
        row_number() over (
            partition by column_name order by conversation_count desc, attribute_value asc
        ) as place
    from counted
    where conversation_count >= 10

),

final as (

    select
        -- strings
        column_name,
        attribute_value,

        -- numbers
        conversation_count,
        queued_count,
        abandoned_count,
        handled_count,
        handle_seconds

    from ranked
    where place <= 12

)

select * from final
