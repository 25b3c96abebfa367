{#- What is reconciled: by subject and Genesys's metric, the columns of the aggregates that hold its count
    and its milliseconds; none of what is only counted. -#}
{% macro reconciled_metrics() -%}
    {%- set handling = {
        'tAnswered': ['answered_count', 'answer_ms'],
        'tAlert': ['alert_count', 'alert_ms'],
        'tNotResponding': ['unanswered_alert_count', 'unanswered_alert_ms'],
        'tTalkComplete': ['talk_count', 'talk_ms'],
        'tHeldComplete': ['hold_count', 'hold_ms'],
        'tAcw': ['acw_count', 'acw_ms'],
        'tHandle': ['handled_count', 'handle_ms'],
        'nTransferred': ['transferred_count', none],
        'nOutbound': ['outbound_count', none],
    } -%}
    {%- set waiting = {
        'nOffered': ['offered_count', none],
        'tAcd': ['wait_count', 'wait_ms'],
        'tAbandon': ['abandoned_count', 'abandon_ms'],
        'tShortAbandon': ['short_abandoned_count', none],
        'tFlowOut': ['flowed_out_count', 'flow_out_ms'],
        'nOverSla': ['over_service_level_count', none],
    } -%}
    {{ return({
        'queue': dict(waiting, **handling),
        'agent': handling,
        'flow': {'nFlowOutcome': ['outcome_count', none]},
    }) }}
{%- endmacro %}


{#- The names of those of a subject, as literals; with `timed` those of which the aggregates tell how
    long. -#}
{% macro metrics_of(subject, timed=false) -%}
    {%- set names = [] -%}
    {%- for metric, columns in reconciled_metrics()[subject].items() if columns[1] or not timed -%}
        {%- do names.append("'" ~ metric ~ "'") -%}
    {%- endfor -%}
    {{ return(names | join(', ')) }}
{%- endmacro %}


{#- The CTEs that sum a subject's buckets of the CTE `<subject>_placed` by day and give each metric a row
    of its own; the last is `<subject>_metrics`. -#}
{% macro metrics_per_day(subject, id_column, media_type="coalesce(media_type, 'unknown')") -%}
    {%- set metrics = reconciled_metrics()[subject] -%}
{{ subject }}_summed as (

    select
        {{ id_column }} as subject_id,
        {{ media_type }} as subject_media_type,
        interval_started_at,
        {%- for column in metrics.values() | sum(start=[]) if column %}
        cast(sum({{ column }}) as bigint) as {{ column }},
        {%- endfor %}
        max(loaded_at) as loaded_at
    from {{ subject }}_placed
    group by {{ id_column }}, subject_media_type, interval_started_at

),

{{ subject }}_metrics as (

    select
        '{{ subject }}' as subject_type,
        summed.subject_id,
        summed.subject_media_type as media_type,
        metrics.metric_name,
        case metrics.metric_name
            {%- for metric, (count_column, _) in metrics.items() %}
            when '{{ metric }}' then summed.{{ count_column }}
            {%- endfor %}
        end as metric_count,
        case metrics.metric_name
            {%- for metric, (_, ms_column) in metrics.items() if ms_column %}
            when '{{ metric }}' then summed.{{ ms_column }}
            {%- else %}
            when '' then cast(null as bigint)
            {%- endfor %}
        end as metric_ms,
        summed.interval_started_at,
        summed.loaded_at
    from {{ subject }}_summed as summed
    cross join (
        {%- for metric in metrics %}
        select '{{ metric }}' as metric_name
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as metrics

)
{%- endmacro %}
