-- Grain: one row per participant and exact attribute name.

with

attributes as (

    select * from {{ ref('int_participant_attributes_unioned') }}

),

registry as (

    select
        name,
        column_name,
        data_type,
        participant_purpose,
        coalesce({{ try_bigint('precedence') }}, 1) as precedence,
        {{ try_boolean('is_pii') }} as is_pii
    from {{ ref('attribute_registry') }}

),

personal_names as (

    -- Whoever else holds what is personal of a customer: it is no less personal there.
    select
        name,
        {{ boolean_any('is_pii') }} as is_pii
    from registry
    group by name

),

registered as (

    -- A line for the participant's own purpose goes before a line for all purposes.
    select
        attributes.*,
        coalesce(for_purpose.column_name, for_all.column_name) as column_name,
        case when for_purpose.name is null then for_all.data_type else for_purpose.data_type end
            as data_type,
        case when for_purpose.name is null then for_all.precedence else for_purpose.precedence end
            as precedence,
        coalesce(
            for_purpose.is_pii,
            for_all.is_pii,
            case when personal_names.is_pii then true end
        ) as is_pii
    from attributes
    left join registry as for_purpose
        on
            attributes.attribute_name = for_purpose.name
            and attributes.participant_purpose = for_purpose.participant_purpose
    left join registry as for_all
        on
            attributes.attribute_name = for_all.name
            and for_all.participant_purpose is null
    left join personal_names
        on attributes.attribute_name = personal_names.name

),

typed as (

    select
        *,
        case when data_type = 'text' then raw_value end as value_text,
        case when data_type = 'number' then {{ try_number('raw_value') }} end as value_number,
        case when data_type = 'boolean' then {{ try_boolean('raw_value') }} end as value_boolean,
        case when data_type = 'date' then {{ try_date('raw_value') }} end as value_date,
        case when data_type = 'timestamp' then {{ try_timestamp('raw_value') }} end
            as value_timestamp,
        case
            when raw_value is null then 'null'
            when trim(raw_value) = '' then 'empty'
            when lower(trim(raw_value)) in ('true', 'false') then 'boolean'
            when {{ matches('trim(raw_value)', number_pattern()) }} then 'number'
            when {{ matches('trim(raw_value)', date_pattern()) }} then 'date'
            when {{ matches('trim(raw_value)', timestamp_pattern()) }} then 'timestamp'
            else 'text'
        end as inferred_type
    from registered

),

final as (

    select
        -- ids
        conversation_id,
        participant_id,

        -- strings
        participant_purpose,
        attribute_name,
        raw_value,
        inferred_type,
        column_name,
        data_type,
        value_text,

        -- numbers; on Postgres a case forgets the scale of its branches
        cast(value_number as numeric(38, 9)) as value_number,
        precedence,

        -- booleans
        value_boolean,
        data_type is not null as is_registered,
        case
            when data_type is null then null
            -- Nothing was written, so nothing can be misread.
            when inferred_type in ('null', 'empty') then true
            when data_type = 'text' then true
            when data_type = 'number' then value_number is not null
            when data_type = 'boolean' then value_boolean is not null
            when data_type = 'date' then value_date is not null
            when data_type = 'timestamp' then value_timestamp is not null
        end as is_cast_ok,
        is_pii,

        -- timestamps, UTC
        value_date,
        value_timestamp,
        loaded_at

    from typed

)

select * from final
