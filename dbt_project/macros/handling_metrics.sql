{#- What both tables of a contract's handling counts have in common, as a select list. -#}

{#- Of the platform's aggregates, from the CTE that newest_reads ends with; a metric that is absent
    is zero. -#}
{% macro handling_metrics() -%}
{{ metric_sum('count', 'nOffered') }} as offered_count,
        {{ metric_sum('count', 'nConnected') }} as connected_count,
        {{ metric_sum('count', 'tAnswered') }} as answered_count,
        {{ metric_sum('count', 'tAbandon') }} as abandoned_count,
        {{ metric_sum('count', 'tHandle') }} as handled_count,
        {{ metric_sum('count', 'nTransferred') }} as transferred_count,
        {{ metric_sum('count', 'nBlindTransferred') }} as blind_transferred_count,
        {{ metric_sum('count', 'nConsultTransferred') }} as consult_transferred_count,
        {{ metric_sum('count', 'nOutbound') }} as outbound_count,
        {{ metric_sum('count', 'tShortAbandon') }} as short_abandoned_count,
        {{ metric_sum('count', 'tFlowOut') }} as flowed_out_count,
        {{ metric_sum('count', 'tAlert') }} as alert_count,
        {{ metric_sum('count', 'tNotResponding') }} as unanswered_alert_count,
        {{ metric_sum('count', 'tTalkComplete') }} as talk_count,
        {{ metric_sum('count', 'tHeldComplete') }} as hold_count,
        {{ metric_sum('count', 'tAcw') }} as acw_count,
        {{ metric_sum('count', 'tAcd') }} as wait_count,
        {{ metric_sum('sum', 'tAcd') }} as wait_ms,
        {{ metric_sum('sum', 'tAnswered') }} as answer_ms,
        {{ metric_sum('sum', 'tAbandon') }} as abandon_ms,
        {{ metric_sum('sum', 'tFlowOut') }} as flow_out_ms,
        {{ metric_sum('sum', 'tAlert') }} as alert_ms,
        {{ metric_sum('sum', 'tNotResponding') }} as unanswered_alert_ms,
        {{ metric_sum('sum', 'tTalkComplete') }} as talk_ms,
        {{ metric_sum('sum', 'tHeldComplete') }} as hold_ms,
        {{ metric_sum('sum', 'tAcw') }} as acw_ms,
        {{ metric_sum('sum', 'tHandle') }} as handle_ms
{%- endmacro %}


{#- The CTEs that both interval reports of the guides begin with; the last is newest_buckets, with
    group_id and group_name and the metrics, to be read with report_count and report_sum.

    Args: group, what a row is about, queue or user; metrics, which ones beside the common. -#}
{% macro newest_report(table_name, group, metrics=[]) -%}
{{ newest_answers('guides', table_name) }},

records as (

    select
        window_attempt_id,
        loaded_at,
        {{ json_record('payload_json', [], nodes=[group, 'interval', 'metrics']) }} as record,
        row_number() over (
            partition by window_attempt_id, record_id order by payload_hash desc
        ) as copy_number
    from documents

),

buckets as (

    select
        window_attempt_id,
        loaded_at,
        {{ json_text(json_node_field('record', group), 'id') }} as group_id,
        {{ json_text(json_node_field('record', group), 'name') }} as group_name,
        {{ timestamp_from_text(json_text(json_node_field('record', 'interval'), 'startTime')) }}
            as bucket_started_at,
        {{ timestamp_from_text(json_text(json_node_field('record', 'interval'), 'endTime')) }}
            as bucket_ended_at,
        {{ json_record(
            json_node_field('record', 'metrics'),
            [],
            nodes=[
                'handledCount', 'offeredCount', 'answeredCount', 'abandonedCount',
                'transferredCount', 'overSlaCount', 'connectedCount', 'outboundCount',
                'blindTransferredCount', 'consultTransferredCount', 'talkTime', 'holdTime',
                'wrapUpTime', 'handleTime', 'waitTime', 'answerTime', 'abandonTime', 'alertTime',
            ] + metrics
        ) }} as metrics
    from records
    where copy_number = 1

),

{{ newest_buckets() }}
{%- endmacro %}


{#- Of the guides' reports, from the CTE newest_buckets. Of the three metrics that the guide asks for
    an absent one is zero, as in its code; another may be one that was not asked for: unknown. -#}
{% macro report_metrics() -%}
{{ report_count('offeredCount') }} as offered_count,
        {{ report_count('connectedCount') }} as connected_count,
        {{ report_count('answeredCount') }} as answered_count,
        {{ report_count('abandonedCount') }} as abandoned_count,
        coalesce({{ report_count('handledCount') }}, 0) as handled_count,
        {{ report_count('transferredCount') }} as transferred_count,
        {{ report_count('blindTransferredCount') }} as blind_transferred_count,
        {{ report_count('consultTransferredCount') }} as consult_transferred_count,
        {{ report_count('outboundCount') }} as outbound_count,
        {{ report_sum('waitTime') }} as wait_ms,
        {{ report_sum('answerTime') }} as answer_ms,
        {{ report_sum('abandonTime') }} as abandon_ms,
        {{ report_sum('alertTime') }} as alert_ms,
        coalesce({{ report_sum('talkTime') }}, 0) as talk_ms,
        {{ report_sum('holdTime') }} as hold_ms,
        coalesce({{ report_sum('wrapUpTime') }}, 0) as acw_ms,
        {{ report_sum('handleTime') }} as genesys_handle_ms
{%- endmacro %}


{% macro report_count(metric) -%}
    {{ try_bigint(json_text(json_node_field('metrics', metric), 'count')) }}
{%- endmacro %}


{#- A sum of the guides' in milliseconds; they give seconds with fractions. -#}
{% macro report_sum(metric) -%}
    {{ milliseconds_from_seconds(json_text(json_node_field('metrics', metric), 'sum')) }}
{%- endmacro %}
