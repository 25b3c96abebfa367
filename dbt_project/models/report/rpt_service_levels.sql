-- Grain: one row per line of the seed service_levels: the targets that the organisation set itself.

with

service_levels as (

    select * from {{ ref('service_levels') }}

),

queues as (

    select * from {{ ref('dim_queues') }}

),

final as (

    select
        -- strings
        queues.queue_name,
        trim(service_levels.media_type) as media_type,

        -- numbers
        cast(service_levels.seconds as bigint) as service_level_seconds,
        cast(service_levels.share as double precision) as service_level_share

    from service_levels
    left join queues
        on trim(service_levels.queue_id) = queues.queue_id
    where
        queues.queue_id is not null
        or trim(service_levels.queue_id) = '*'

)

select * from final
