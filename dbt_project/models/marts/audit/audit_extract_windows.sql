-- Grain: one row per attempt to load a window.

with

commits as (

    select * from {{ ref('stg_loader__extract_windows') }}

),

numbered as (

    -- A window that was loaded stays loaded, whatever order equal times give.
    select
        *,
        row_number() over (
            partition by window_attempt_id
            order by
                case status when 'loaded' then 1 else 2 end asc,
                finished_at desc,
                loaded_at desc,
                status asc
        ) as commit_rank
    from commits

),

commits_per_attempt as (

    select
        window_attempt_id,
        count(*) as commit_count,
        cast(coalesce(sum(page_count), 0) as bigint) as page_count,
        cast(coalesce(sum(record_count), 0) as bigint) as record_count,
        cast(coalesce(sum(quarantined_count), 0) as bigint) as quarantined_count,
        cast(coalesce(sum(byte_count), 0) as bigint) as byte_count,
        cast(coalesce(sum(request_count), 0) as bigint) as request_count,
        cast(coalesce(sum(retry_count), 0) as bigint) as retry_count,
        cast(coalesce(sum(rate_limited_count), 0) as bigint) as rate_limited_count,
        cast(coalesce(sum(waited_seconds), 0) as numeric(18, 3)) as waited_seconds,
        min(started_at) as started_at,
        max(finished_at) as finished_at,
        max(loaded_at) as loaded_at
    from commits
    group by window_attempt_id

),

reads as (

    -- Of a list, whose window is the time it was asked for, the one before counts as the same.
    select
        window_attempt_id,
        lag(checksum) over (
            partition by
                resource,
                contract,
                query_hash,
                case when window_start < window_end then window_start end,
                case when window_start < window_end then window_end end
            order by started_at, finished_at, window_attempt_id
        ) as checksum_before
    from numbered
    where commit_rank = 1 and checksum is not null

),

final as (

    select
        -- ids
        numbered.window_attempt_id,
        numbered.run_id,
        numbered.job_id,
        numbered.query_hash,

        -- strings
        numbered.resource,
        numbered.contract,
        numbered.status,
        numbered.limited_by,
        numbered.adjustment,
        numbered.error,
        numbered.checksum,

        -- numbers
        numbered.exit_code,
        commits_per_attempt.commit_count,
        commits_per_attempt.page_count,
        commits_per_attempt.record_count,
        commits_per_attempt.quarantined_count,
        numbered.announced_count,
        commits_per_attempt.byte_count,
        commits_per_attempt.request_count,
        commits_per_attempt.retry_count,
        commits_per_attempt.rate_limited_count,
        commits_per_attempt.waited_seconds,
        numbered.checksum = reads.checksum_before as is_unchanged,

        -- timestamps, UTC
        numbered.window_start,
        numbered.window_end,
        numbered.source_available_through,
        commits_per_attempt.started_at,
        commits_per_attempt.finished_at,
        commits_per_attempt.loaded_at

    from numbered
    inner join commits_per_attempt
        on numbered.window_attempt_id = commits_per_attempt.window_attempt_id
    left join reads
        on numbered.window_attempt_id = reads.window_attempt_id
    where numbered.commit_rank = 1

)

select * from final
