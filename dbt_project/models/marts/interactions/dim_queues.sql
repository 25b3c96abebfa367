-- Grain: one row per queue that Genesys lists or that a conversation or an aggregate names.

with

{{ members(
    'int_queues_unioned',
    'queue_id',
    [
        ('int_sessions_timed', 'queue_id'),
        ('int_conversations_unioned', 'first_queue_id'),
        ('int_journey_conversations_unioned', 'queue_id'),
        ('int_queue_intervals_unioned', 'queue_id'),
        ('int_evaluations_unioned', 'queue_id'),
        ('int_surveys_unioned', 'queue_id'),
    ]
) }},

final as (

    select
        -- ids
        member_id as queue_id,
        division_id,

        -- strings
        coalesce(queue_name, {{ unknown_name('queue', 'member_id') }}) as queue_name,
        description,
        division_name,

        -- booleans
        is_known,
        coalesce(is_deleted, false) as is_deleted

    from members

)

select * from final
