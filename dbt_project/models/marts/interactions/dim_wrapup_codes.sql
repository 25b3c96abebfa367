-- Grain: one row per wrap-up code that Genesys lists or that a conversation names.

with

wrapup_codes as (

    select * from {{ ref('int_wrapup_codes_unioned') }}

),

divisions as (

    select * from {{ ref('int_divisions_unioned') }}

),

used as (

    select wrapup_code_id from {{ ref('int_sessions_timed') }}
    where wrapup_code_id is not null
    union
    select wrapup_code_id from {{ ref('int_conversations_unioned') }}
    where wrapup_code_id is not null
    union
    select wrapup_code_id from {{ ref('int_journey_conversations_unioned') }}
    where wrapup_code_id is not null

),

every_code as (

    select
        coalesce(wrapup_codes.wrapup_code_id, used.wrapup_code_id) as wrapup_code_id,
        wrapup_codes.wrapup_code_id is not null as is_known,
        wrapup_codes.wrapup_code_name,
        wrapup_codes.description,
        wrapup_codes.division_id,
        wrapup_codes.is_deleted
    from wrapup_codes
    full outer join used
        on wrapup_codes.wrapup_code_id = used.wrapup_code_id

),

final as (

    select
        -- ids
        every_code.wrapup_code_id,
        every_code.division_id,

        -- strings
        case
            when every_code.wrapup_code_name is not null then every_code.wrapup_code_name
            -- Genesys sets these itself and lists them nowhere; the code says what happened.
            when every_code.wrapup_code_id like 'ININ-%' then every_code.wrapup_code_id
            else {{ unknown_name('wrap-up code', 'every_code.wrapup_code_id') }}
        end as wrapup_code_name,
        every_code.description,
        divisions.division_name,

        -- booleans
        every_code.wrapup_code_id like 'ININ-%' as is_system,
        every_code.is_known,
        coalesce(every_code.is_deleted, false) as is_deleted

    from every_code
    left join divisions
        on every_code.division_id = divisions.division_id

)

select * from final
