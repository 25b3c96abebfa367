-- Grain: one row per queue that Genesys lists or that a conversation or an aggregate names.

with

queues as (

    select * from {{ ref('int_queues_unioned') }}

),

divisions as (

    select * from {{ ref('int_divisions_unioned') }}

),

used as (

    select queue_id from {{ ref('int_sessions_timed') }}
    where queue_id is not null
    union
    select first_queue_id as queue_id from {{ ref('int_conversations_unioned') }}
    where first_queue_id is not null
    union
    select queue_id from {{ ref('int_journey_conversations_unioned') }}
    where queue_id is not null
    union
    select queue_id from {{ ref('int_queue_intervals_unioned') }}

),

final as (

    select
        -- ids
        coalesce(queues.queue_id, used.queue_id) as queue_id,
        queues.division_id,

        -- strings
        coalesce(
            queues.queue_name,
            {{ unknown_name('queue', 'coalesce(queues.queue_id, used.queue_id)') }}
        ) as queue_name,
        queues.description,
        divisions.division_name,

        -- booleans
        queues.queue_id is not null as is_known,
        coalesce(queues.is_deleted, false) as is_deleted

    from queues
    full outer join used
        on queues.queue_id = used.queue_id
    left join divisions
        on queues.division_id = divisions.division_id

)

select * from final
