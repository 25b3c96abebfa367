{#- The CTEs that every table of buckets begins with; the last is documents, one row per record of the
    newest completed reads. Groups, buckets and metrics without data are absent from an answer, so
    a bucket is what the newest completed read that covers it says, also when that says nothing.

    Reads are laid over each other before any payload is opened: their bounds cut time into
    segments, each segment belongs to the newest read over it, and only reads that own a segment
    are parsed. A read may own a part of its window only: newest_buckets leaves the rest out. -#}
{% macro newest_answers(source_name, table_name) -%}
source as (

    select * from {{ raw_table(source_name, table_name) }}

),

commits as (

    select * from {{ ref('stg_loader__extract_windows') }}
    where resource = '{{ table_name }}'

),

owned_segments as (

    select * from {{ owned_segments(table_name) }}

),

owners as (

    select window_attempt_id, loaded_at
    from owned_segments
    group by window_attempt_id, loaded_at

),

answers as (

    -- A package loaded again after a crash brings equal rows: equal hash, equal payload.
    select
        commits.window_attempt_id,
        source.record_id,
        source.payload_hash,
        owners.loaded_at,
        min(source.payload) as payload
    from source
    inner join commits
        on
            source._dlt_load_id = commits.load_id
            and {{ utc('source.window_start') }} = commits.window_start
    inner join owners
        on commits.window_attempt_id = owners.window_attempt_id
    group by
        commits.window_attempt_id, owners.loaded_at, source.record_id, source.payload_hash

),

documents as {{ computed_once() }} (

    select
        window_attempt_id,
        record_id,
        payload_hash,
        loaded_at,
        {{ json_parse('payload') }} as payload_json
    from answers

)
{%- endmacro %}


{#- The CTE newest_buckets: of the CTE buckets, those that their read owns. -#}
{% macro newest_buckets() -%}
newest_buckets as {{ computed_once() }} (

    select buckets.*
    from buckets
    inner join owned_segments
        on
            buckets.window_attempt_id = owned_segments.window_attempt_id
            and buckets.bucket_started_at >= owned_segments.segment_started_at
            and buckets.bucket_started_at < owned_segments.segment_ended_at

)
{%- endmacro %}


{#- The CTEs that every table of the platform's aggregates begins with; the last is metrics, one row
    per metric of a bucket of a group. -#}
{% macro newest_reads(table_name) -%}
{{ newest_answers('platform', table_name) }},

{{ adapter.dispatch('metrics_of_documents', 'genesys')() }}
{%- endmacro %}


{#- Of the CTE documents, those of the newest reads. -#}
{% macro default__metrics_of_documents() -%}
group_records as (

    select
        window_attempt_id,
        loaded_at,
        {{ json_record('payload_json', [], nodes=['group', 'data']) }} as record
    from documents

),

bucket_records as (

    select
        group_records.window_attempt_id,
        group_records.loaded_at,
        {{ json_node_field('group_records.record', 'group') }} as group_json,
        {{ json_record('bucket.value', ['interval'], nodes=['metrics']) }} as record
    from
        {{ json_array_elements(
            'group_records', json_node_field('group_records.record', 'data'), 'bucket'
        ) }}

),

buckets as (

    select
        window_attempt_id,
        loaded_at,
        group_json,
        {{ timestamp_from_text(dbt.split_part(json_field('record', 'interval'), "'/'", 1)) }}
            as bucket_started_at,
        {{ timestamp_from_text(dbt.split_part(json_field('record', 'interval'), "'/'", 2)) }}
            as bucket_ended_at,
        {{ json_node_field('record', 'metrics') }} as metrics_json
    from bucket_records

),

{{ newest_buckets() }},

metric_records as (

    select
        newest_buckets.group_json,
        newest_buckets.bucket_started_at,
        newest_buckets.bucket_ended_at,
        newest_buckets.loaded_at,
        {{ json_record('metric.value', ['metric', 'qualifier'], nodes=['stats']) }} as record
    from {{ json_array_elements('newest_buckets', 'newest_buckets.metrics_json', 'metric') }}

),

metric_stats as (

    select
        *,
        {{ json_record(
            json_node_field('record', 'stats'), ['count', 'sum', 'numerator', 'denominator']
        ) }} as stats
    from metric_records

),

metrics as (

    select
        group_json,
        bucket_started_at,
        bucket_ended_at,
        loaded_at,
        {{ json_field('record', 'metric') }} as metric_name,
        {{ json_field('record', 'qualifier') }} as qualifier,
        {{ try_bigint(json_field('stats', 'count')) }} as stat_count,
        {{ try_bigint(json_field('stats', 'sum')) }} as stat_sum,
        {{ try_bigint(json_field('stats', 'numerator')) }} as stat_numerator,
        {{ try_bigint(json_field('stats', 'denominator')) }} as stat_denominator
    from metric_stats

)
{%- endmacro %}


{#- One parse for each level, and no more: for all of them at once, Spark loses every list in which one
    element is not what it should be. -#}
{% macro spark__metrics_of_documents() -%}
groups as (

    select
        window_attempt_id,
        loaded_at,
        from_json(payload_json, '`group` string, `data` array<string>') as record
    from documents

),

bucket_texts as (

    select
        window_attempt_id,
        loaded_at,
        record.`group` as group_json,
        explode(record.`data`) as bucket_json
    from groups

),

bucket_records as (

    select
        *,
        from_json(bucket_json, '`interval` string, `metrics` array<string>') as record
    from bucket_texts

),

buckets as (

    select
        window_attempt_id,
        loaded_at,
        group_json,
        {{ timestamp_from_text(dbt.split_part('record.`interval`', "'/'", 1)) }} as bucket_started_at,
        {{ timestamp_from_text(dbt.split_part('record.`interval`', "'/'", 2)) }} as bucket_ended_at,
        record.`metrics` as metric_texts
    from bucket_records

),

{{ newest_buckets() }},

metric_texts as (

    select
        group_json,
        bucket_started_at,
        bucket_ended_at,
        loaded_at,
        explode(metric_texts) as metric_json
    from newest_buckets

),

metric_records as (

    select
        *,
        from_json(
            metric_json,
            '`metric` string, `qualifier` string,
            `stats` struct<`count`: string, `sum`: string, `numerator`: string, `denominator`: string>'
        ) as record
    from metric_texts

),

metrics as (

    select
        group_json,
        bucket_started_at,
        bucket_ended_at,
        loaded_at,
        record.`metric` as metric_name,
        record.`qualifier` as qualifier,
        {{ try_bigint('record.`stats`.`count`') }} as stat_count,
        {{ try_bigint('record.`stats`.`sum`') }} as stat_sum,
        {{ try_bigint('record.`stats`.`numerator`') }} as stat_numerator,
        {{ try_bigint('record.`stats`.`denominator`') }} as stat_denominator
    from metric_records

)
{%- endmacro %}


{#- The stretches of time for which a read of the slice is the newest completed one, as a subquery:
    what a read of another slice owns is in the table already, or will be. -#}
{% macro owned_segments(resource) -%}
    (
        with

        reads as (

            select * from {{ completed_reads(resource) }}

        ),

        points as (

            select window_start as segment_started_at from reads
            {{ set_operator('union') }}
            select window_end as segment_started_at from reads

        ),

        segments as (

            select
                segment_started_at,
                lead(segment_started_at) over (order by segment_started_at) as segment_ended_at
            from points

        ),

        ranked_reads as (

            select
                reads.window_attempt_id,
                reads.loaded_at,
                segments.segment_started_at,
                segments.segment_ended_at,
                row_number() over (
                    partition by segments.segment_started_at
                    order by
                        reads.started_at desc, reads.loaded_at desc, reads.window_attempt_id desc
                ) as read_rank
            from segments
            inner join reads
                on
                    segments.segment_started_at >= reads.window_start
                    and segments.segment_started_at < reads.window_end

        )

        select * from ranked_reads
        where
            read_rank = 1
            and {{ newly_loaded() }}
    ) as owned_segments
{%- endmacro %}


{#- The windows of a resource, or of several, that were read to their end, as a subquery: one row per
    attempt. -#}
{% macro completed_reads(resources) -%}
    {%- set names = [resources] if resources is string else resources -%}
    (
        select
            window_attempt_id,
            min(window_start) as window_start,
            max(case when status = 'loaded' then window_end end) as window_end,
            min(started_at) as started_at,
            sum(byte_count) as byte_count,
            max(loaded_at) as loaded_at
        from {{ ref('stg_loader__extract_windows') }}
        where resource in ('{{ names | join("', '") }}')
        group by window_attempt_id
        having max(case when status = 'loaded' then 1 else 0 end) = 1
    ) as completed_reads
{%- endmacro %}


{#- One statistic of one metric, summed: nothing absent but zero. The cast because DuckDB sums
    bigints to a hugeint. -#}
{% macro metric_sum(statistic, metric, qualifier=none) -%}
    cast(
        coalesce(
            sum(
                case
                    when metric_name = '{{ metric }}'
                    {%- if qualifier %} and qualifier = '{{ qualifier }}' {%- endif %}
                        then stat_{{ statistic }}
                end
            ),
            0
        ) as bigint
    )
{%- endmacro %}
