{#- Incremental strategy `replace_contacts`: the rows of every canonical contact of which anything
    changed are deleted, then what the model's query returned for them is inserted, in one
    transaction. Whose rows they are stands in the config: made_of: {contacts_of: <model>}, which has
    either all contacts (int_contact_merges_resolved) or all their steps (int_journey_steps_resolved). -#}
{% macro get_incremental_replace_contacts_sql(arg_dict) %}

    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}

    delete from {{ arg_dict['target_relation'] }}
    where canonical_contact_id in {{ changed_contacts(config.get('made_of').contacts_of) }};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}

{% endmacro %}


{#- Canonical contacts, as a subquery: all that a model has, which is what compiled SQL says; the
    materialization puts those that changed in their place. -#}
{% macro changed_contacts(model_name) -%}
    (select canonical_contact_id from {{ ref(model_name) }})
{%- endmacro %}


{#- Query of the canonical contacts whose rows are not those that they should have: a conversation
    has come, or in another version, or it has gone; or the contact that a row is about belongs to
    another one by now, in which case both change. -#}
{% macro contacts_to_build(relation) -%}
    with

    wanted as (
        {% if config.get('made_of').contacts_of == 'int_contact_merges_resolved' %}
        select
            resolved.canonical_contact_id,
            conversations.conversation_id,
            conversations.loaded_at
        from {{ ref('int_journey_conversations_unioned') }} as conversations
        inner join {{ ref('int_contact_merges_resolved') }} as resolved
            on conversations.contact_id = resolved.contact_id
        {% else %}
        select
            canonical_contact_id,
            conversation_id,
            loaded_at
        from {{ ref('int_journey_steps_resolved') }}
        where is_kept
        {% endif %}
    ),

    found as (
        select
            canonical_contact_id,
            conversation_id,
            loaded_at
        from {{ relation }}
    ),

    strayed as (
        select
            steps.canonical_contact_id,
            resolved.canonical_contact_id as new_contact_id
        from {{ relation }} as steps
        left join {{ ref('int_contact_merges_resolved') }} as resolved
            on steps.contact_id = resolved.contact_id
        where
            resolved.contact_id is null
            or steps.canonical_contact_id <> resolved.canonical_contact_id
    )

    select canonical_contact_id
    from (
        select * from wanted
        {{ set_operator('except') }}
        select * from found
    ) as missing

    {{ set_operator('union') }}

    select canonical_contact_id
    from (
        select * from found
        {{ set_operator('except') }}
        select * from wanted
    ) as left_over

    {{ set_operator('union') }}

    select canonical_contact_id from strayed

    {{ set_operator('union') }}

    select new_contact_id as canonical_contact_id from strayed
    where new_contact_id is not null
{%- endmacro %}
