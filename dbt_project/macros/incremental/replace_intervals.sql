{#- Incremental strategy `replace_intervals`: all intervals of the days or months that the slice's reads
    asked about are deleted, then what the model's query returned for them is inserted, in one
    transaction. Which of the two stands in the config, with what was read: made_of: {reads_of:
    [<resource>], period: day}. -#}
{% macro get_incremental_replace_intervals_sql(arg_dict) %}

    {%- set made_of = config.get('made_of', {}) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}

    delete from {{ arg_dict['target_relation'] }}
    where {{ newly_read('interval_started_at', made_of.period) }};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}

{% endmacro %}
