-- Grain: one row per wrap-up code that Genesys lists or that a conversation names.

with

{{ members(
    'int_wrapup_codes_unioned',
    'wrapup_code_id',
    [
        ('int_sessions_timed', 'wrapup_code_id'),
        ('int_conversations_unioned', 'wrapup_code_id'),
        ('int_journey_conversations_unioned', 'wrapup_code_id'),
    ]
) }},

final as (

    select
        -- ids
        member_id as wrapup_code_id,
        division_id,

        -- strings
        case
            when wrapup_code_name is not null then wrapup_code_name
            -- Genesys sets these itself and lists them nowhere; the code says what happened.
            when member_id like 'ININ-%' then member_id
            else {{ unknown_name('wrap-up code', 'member_id') }}
        end as wrapup_code_name,
        description,
        division_name,

        -- booleans
        member_id like 'ININ-%' as is_system,
        is_known,
        coalesce(is_deleted, false) as is_deleted

    from members

)

select * from final
