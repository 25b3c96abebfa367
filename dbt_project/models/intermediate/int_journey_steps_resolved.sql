{{
    config(
        materialized='incremental',
        incremental_strategy='replace_contacts',
        on_schema_change='fail',
        indexes=contact_indexes(),
        made_of={'contacts_of': 'int_contact_merges_resolved', 'rules': ['journey_states']}
    )
}}

-- Grain: one row per canonical contact and conversation, kept in the journey or not.
-- Incremental by contact: a merge that is found late moves conversations between them.

with

conversations as (

    select * from {{ ref('int_journey_conversations_unioned') }}

),

resolved_contacts as (

    select * from {{ ref('int_contact_merges_resolved') }}
    where canonical_contact_id in {{ changed_contacts('int_contact_merges_resolved') }}

),

states as (

    select
        trim(state) as state,
        lower(trim(is_kept)) = 'true' as is_kept
    from {{ ref('journey_states') }}

),

numbered as (

    -- Several contacts of one conversation may be the same person by now.
    select
        conversations.*,
        resolved_contacts.canonical_contact_id,
        row_number() over (
            partition by resolved_contacts.canonical_contact_id, conversations.conversation_id
            order by
                conversations.extracted_at desc,
                case when conversations.phone_number is null then 2 else 1 end asc,
                {{ by_code_point('conversations.contact_id') }} asc
        ) as contact_rank
    from conversations
    inner join resolved_contacts
        on conversations.contact_id = resolved_contacts.contact_id

),

final as (

    select
        -- ids
        numbered.canonical_contact_id,
        numbered.conversation_id,
        numbered.contact_id,
        numbered.queue_id,
        numbered.user_id,
        numbered.wrapup_code_id,

        -- strings
        numbered.channel_type,
        numbered.state,
        case
            when numbered.state = 'DRAFT' then 'draft'
            when states.state is null then 'state not listed'
            when not states.is_kept then 'state not kept'
        end as filter_reason,
        numbered.phone_number,
        cast('{{ rules_version(['journey_states']) }}' as {{ dbt.type_string() }}) as rules_version,

        -- booleans; a draft never took place, whatever the list says
        coalesce(numbered.state <> 'DRAFT' and states.is_kept, false) as is_kept,

        -- timestamps, UTC
        numbered.created_at as started_at,
        coalesce(numbered.wrapped_up_at, numbered.updated_at) as ended_at,
        numbered.extracted_at,
        numbered.loaded_at

    from numbered
    left join states
        on numbered.state = states.state
    where numbered.contact_rank = 1

)

select * from final
