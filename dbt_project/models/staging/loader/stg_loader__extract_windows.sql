-- Grain: one row per commit of a window attempt.

with

source as (

    select * from {{ raw_table('loader', 'extract_windows') }}

),

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}

),

numbered as (

    -- A commit's row travels with the commit: the same row twice is a replayed package.
    select
        source.*,
        committed_loads.loaded_at,
        row_number() over (
            partition by source.window_attempt_id, source._dlt_load_id, source.status
            order by source.finished_at desc, source.record_count desc
        ) as copy_number
    from source
    inner join committed_loads
        on source._dlt_load_id = committed_loads.load_id

),

renamed as (

    select
        -- ids
        window_attempt_id,
        run_id,
        _dlt_load_id as load_id,
        job_id,
        query_hash,

        -- strings
        resource,
        contract,
        status,
        limited_by,
        adjustment,
        error,
        checksum,

        -- numbers
        page_count,
        record_count,
        quarantined_count,
        byte_count,
        request_count,
        retry_count,
        rate_limited_count,
        waited_seconds,
        announced_count,
        exit_code,

        -- timestamps, UTC
        {{ utc('window_start') }} as window_start,
        {{ utc('window_end') }} as window_end,
        {{ utc('source_available_through') }} as source_available_through,
        {{ utc('started_at') }} as started_at,
        {{ utc('finished_at') }} as finished_at,
        loaded_at

    from numbered
    where copy_number = 1

)

select * from renamed
