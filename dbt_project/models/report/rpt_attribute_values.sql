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

valued as (

    -- Once a conversation, however many customers it has.
    select distinct
        column_name,
        conversation_id,
        {{ by_code_point("coalesce(
            nullif(lower(trim(value_text)), ''),
            case when value_boolean then 'true' when not value_boolean then 'false' end,
            '(empty)'
        )") }} as attribute_value
    from attributes
    where is_cast_ok

),

counted as (

    select
        valued.column_name,
        valued.attribute_value,
        count(*) as conversation_count,
        cast(
            sum(case when interactions.queue_count > 0 then 1 else 0 end) as bigint
        ) as queued_count,
        cast(
            sum(
                case
                    when interactions.is_abandoned then 1
                    when not interactions.is_abandoned then 0
                end
            ) as bigint
        ) as abandoned_count,
        cast(
            sum(
                case
                    when interactions.handle_seconds > 0 then 1
                    when interactions.handle_seconds = 0 then 0
                end
            ) as bigint
        ) as handled_count,
        cast(sum(interactions.handle_seconds) as numeric(18, 3)) as handle_seconds
    from valued
    inner join interactions
        on valued.conversation_id = interactions.conversation_id
    group by valued.column_name, valued.attribute_value
    having count(*) >= 10

),

ranked as (

    select
        *,
        row_number() over (
            partition by column_name order by conversation_count desc, attribute_value asc
        ) as place
    from counted

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
