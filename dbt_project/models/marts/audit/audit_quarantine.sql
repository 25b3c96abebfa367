-- Grain: one row per resource and reason for which records were refused.
-- Without the records: what is wrong with them may be anybody's name.

with

refused as (

    select * from {{ ref('stg_loader__quarantined_records') }}

),

reads as (

    select
        resource,
        window_start,
        max(loaded_at) as loaded_at
    from {{ ref('stg_loader__extract_windows') }}
    where status = 'loaded'
    group by resource, window_start

),

refused_with_reads as (

    -- Refused in the newest read of its window: the source still sends it like that.
    select
        refused.*,
        reads.loaded_at is null or reads.loaded_at <= refused.loaded_at as is_newest
    from refused
    left join reads
        on
            refused.resource = reads.resource
            and refused.window_start = reads.window_start

),

final as (

    select
        -- strings
        resource,
        reason,

        -- numbers
        count(*) as refused_count,
        count(distinct payload_hash) as record_count,
        count(distinct case when is_newest then payload_hash end) as open_record_count,
        count(case when record_id is null then 1 end) as refused_without_id_count,

        -- timestamps, UTC
        min(extracted_at) as first_refused_at,
        max(extracted_at) as last_refused_at

    from refused_with_reads
    group by resource, reason

)

select * from final
