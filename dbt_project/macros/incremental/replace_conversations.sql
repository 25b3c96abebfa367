{#- Incremental strategy `replace_conversations`: the rows of every conversation that changed are
    deleted, then what the model's query returned for them is inserted, in one transaction.

    dbt's delete+insert deletes by the keys of the *new* rows, so what is exploded from a
    conversation that has lost all its children (attributes, sessions, outcomes) would stay for
    ever. Here the list of changed conversations comes from the model that has one row for each of
    them, named in the config: made_of: {conversations: <model>}. -#}
{% macro get_incremental_replace_conversations_sql(arg_dict) %}

    {%- set conversations = config.get('made_of', {}).get('conversations') -%}
    {%- if not conversations -%}
        {{ exceptions.raise_compiler_error(
            this.identifier ~ ": incremental_strategy replace_conversations needs"
            " made_of: {conversations: <the model with one row per conversation>}"
        ) }}
    {%- endif -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}

    delete from {{ arg_dict['target_relation'] }}
    where conversation_id in (
        select conversation_id
        from {{ ref(conversations) }}
        where {{ newly_loaded() }}
    );

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}

{% endmacro %}
