-- Both ways: nothing that was loaded is dropped on the way, and nothing is made up.

with

loaded as (

    select details.record_id
    from {{ raw_table('platform', 'conversation_details') }} as details
    inner join {{ ref('stg_loader__loads') }} as loads
        on details._dlt_load_id = loads.load_id
    group by details.record_id

),

interactions as (

    select conversation_id from {{ ref('fct_interactions') }}

)

select
    loaded.record_id,
    interactions.conversation_id
from loaded
full outer join interactions
    on loaded.record_id = interactions.conversation_id
where loaded.record_id is null or interactions.conversation_id is null
