-- Grain: one row per answer with status 429.

with

source as (

    select * from {{ raw_table('loader', 'rate_limit_events') }}

),

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}

),

numbered as (

    -- One run asks one endpoint one thing at a time: equal rows are a replayed package.
    select
        source.*,
        committed_loads.loaded_at,
        row_number() over (
            partition by source._dlt_load_id, source.run_id, source.endpoint, source.occurred_at
            order by source.waited_seconds desc
        ) as copy_number
    from source
    inner join committed_loads
        on source._dlt_load_id = committed_loads.load_id

),

renamed as (

    select
        -- ids
        run_id,
        _dlt_load_id as load_id,

        -- strings
        resource,
        endpoint,

        -- numbers
        retry_after_seconds,
        waited_seconds,
        allowed_count,

        -- timestamps, UTC
        {{ utc('occurred_at') }} as occurred_at,
        loaded_at

    from numbered
    where copy_number = 1

)

select * from renamed
