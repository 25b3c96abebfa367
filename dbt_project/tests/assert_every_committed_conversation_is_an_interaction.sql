-- Both ways: nothing that was loaded is dropped on the way, and nothing is made up.

with

loaded as (

    select
        details.record_id as conversation_id,
        details._dlt_load_id as load_id
    from {{ raw_table('platform', 'conversation_details') }} as details

    union all

    select
        exported.record_id as conversation_id,
        exported._dlt_load_id as load_id
    from {{ raw_table('guides', 'guides_interactions') }} as exported

    union all

    select
        listed.record_id as conversation_id,
        listed._dlt_load_id as load_id
    from {{ raw_table('guides', 'guides_conversations') }} as listed

    union all

    select
        {{ json_text(json_parse('participants.payload'), 'interactionId') }} as conversation_id,
        participants._dlt_load_id as load_id
    from {{ raw_table('guides', 'guides_participants') }} as participants

),

committed as (

    select loaded.conversation_id
    from loaded
    inner join {{ ref('stg_loader__loads') }} as loads
        on loaded.load_id = loads.load_id
    where {{ untested('loads.loaded_at') }}
    group by loaded.conversation_id

),

interactions as (

    select
        conversation_id,
        loaded_at
    from {{ ref('fct_interactions') }}

)

select
    committed.conversation_id as loaded_conversation_id,
    interactions.conversation_id
from committed
full outer join interactions
    on committed.conversation_id = interactions.conversation_id
where
    interactions.conversation_id is null
    or (committed.conversation_id is null and {{ untested('interactions.loaded_at') }})
