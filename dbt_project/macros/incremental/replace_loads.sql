{#- Incremental strategy `replace_loads`: what was counted of the loads of the slice is deleted, then
    what the model's query returned for them is inserted, in one transaction. With made_of:
    {conversations: <model>, counts_by_load: <column>}, slices are of all loads that are counted anew:
    see counted_loads. -#}
{% macro get_incremental_replace_loads_sql(arg_dict) %}

    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}

    delete from {{ arg_dict['target_relation'] }}
    where {{ newly_loaded() }};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}

{% endmacro %}


{#- Query of the loads whose conversations a table of counts by load has counted as they are now. A load
    only ever loses conversations, to later loads and to erasure, so their number tells. It stands in
    the row in which the column that is named in counts_by_load is null. -#}
{% macro counted_loads(relation) -%}
    select {{ time_text('counts.loaded_at') }} as loaded_at
    from {{ relation }} as counts
    inner join (
        select
            loaded_at,
            count(*) as conversation_count
        from {{ ref(config.get('made_of').conversations) }}
        group by loaded_at
    ) as conversations
        on
            counts.loaded_at = conversations.loaded_at
            and counts.conversation_count = conversations.conversation_count
    where counts.{{ config.get('made_of').counts_by_load }} is null
{%- endmacro %}
