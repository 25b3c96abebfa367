{#- The CTEs that open the newest versions of the slice's conversations in the raw table; the last is
    documents, as newest_payloads has it. Every table that is taken from conversations begins with
    them: what one level of a conversation kept as JSON for the next would be there three times
    more, and more than all that is made of it. -#}
{% macro conversation_documents() -%}
    {{ adapter.dispatch('conversation_documents', 'genesys')() }}
{%- endmacro %}

{% macro default__conversation_documents() -%}
source as (

    select * from {{ raw_table('platform', 'conversation_details') }}

),

newest as (

    select
        *,
        conversation_id as record_id
    from {{ ref('stg_platform__conversation_versions') }}
    where {{ newly_loaded() }}

),

{{ newest_payloads() }}
{%- endmacro %}


{#- Of copies one is chosen by where it stands, so that payloads are read once: to hold them for two joins,
    and to read them as JSON before any field is taken out, took more time than all else. -#}
{% macro duckdb__conversation_documents() -%}
{%- set details = raw_table('platform', 'conversation_details') -%}
{#- What stands for a table that is not there yet is a query, whose rows stand nowhere. -#}
{%- if details is string -%}
    {%- set details = '(select *, 0 as rowid from ' ~ details ~ ' as none_yet)' -%}
{%- endif -%}
newest as (

    select
        versions.conversation_id as record_id,
        versions.extracted_at,
        versions.payload_hash,
        versions.loaded_at,
        min(details.rowid) as row_position
    from {{ details }} as details
    inner join {{ ref('stg_platform__conversation_versions') }} as versions
        on
            details.record_id = versions.conversation_id
            and details.extracted_at = versions.extracted_at
            and details.payload_hash = versions.payload_hash
            and details._dlt_load_id = versions.load_id
    where {{ newly_loaded('versions.loaded_at') }}
    group by
        versions.conversation_id,
        versions.extracted_at,
        versions.payload_hash,
        versions.loaded_at

),

documents as (

    select
        newest.record_id,
        newest.extracted_at,
        newest.payload_hash,
        newest.loaded_at,
        {{ duckdb__without_nul('details.payload') }} as payload_json
    from {{ details }} as details
    inner join newest
        on details.rowid = newest.row_position

)
{%- endmacro %}


{#- The same, and one row per element of the innermost of lists that lie in each other: the first in
    the conversation, the next in each element of it. The last CTE is elements, with conversation_id,
    loaded_at, element_json and where it stands in each list, from 1: first_number, second_number,
    third_number. -#}
{% macro conversation_elements(lists) -%}
{{ conversation_documents() }},

{{ adapter.dispatch('elements_of_documents', 'genesys')(lists) }}
{%- endmacro %}


{% macro element_numbers(count) -%}
    {{ return(['first_number', 'second_number', 'third_number'][:count]) }}
{%- endmacro %}


{% macro default__elements_of_documents(lists) -%}
elements_0 as (

    select
        record_id as conversation_id,
        loaded_at,
        payload_json as element_json
    from documents

),

{% for list in lists %}
{% set outer = 'elements_' ~ loop.index0 %}
{% set names = ['conversation_id', 'loaded_at'] + element_numbers(loop.index0) %}
{% set node = namespace(json='element_json') %}
{% for field in list.split('.') %}
{{ outer }}_records_{{ loop.index }} as (

    select
        {{ names | join(', ') }},
        {{ json_record(node.json, [], nodes=[field]) }} as record
    from {{ outer if loop.first else outer ~ '_records_' ~ loop.index0 }}

),
{% set node.json = json_node_field('record', field) %}
{% endfor %}

{{ outer }}_lists as (

    select
        {{ names | join(', ') }},
        {{ node.json }} as list_json
    from {{ outer }}_records_{{ list.split('.') | length }}

),

{{ 'elements' if loop.last else 'elements_' ~ loop.index }} as (

    select
        {% for name in names %} {{ outer }}_lists.{{ name }}, {% endfor %}
        element.position as {{ element_numbers(loop.index)[-1] }},
        element.value as element_json
    from {{ json_array_elements(outer ~ '_lists', outer ~ '_lists.list_json', 'element') }}

){{ ',' if not loop.last }}
{% endfor %}
{%- endmacro %}


{#- One parse for all levels, and no level has its text copied to each row of the next: that took four
    times the time, and the memory. -#}
{% macro duckdb__elements_of_documents(lists) -%}
{%- set shape = namespace(json='"JSON"') -%}
{%- for list in lists | reverse -%}
    {%- set shape.json = '[' ~ shape.json ~ ']' -%}
    {%- for field in list.split('.') | reverse -%}
        {%- set shape.json = '{"' ~ field ~ '": ' ~ shape.json ~ '}' -%}
    {%- endfor -%}
{%- endfor -%}
elements_0 as (

    select
        record_id as conversation_id,
        loaded_at,
        json_transform(payload_json, '{{ shape.json }}') as element_json
    from documents

),

{% for list in lists %}
{% set nodes = 'element_json."' ~ list.split('.') | join('"."') ~ '"' %}
{{ 'elements' if loop.last else 'elements_' ~ loop.index }} as (

    select
        conversation_id,
        loaded_at,
        {% for name in element_numbers(loop.index0) %} {{ name }}, {% endfor %}
        generate_subscripts({{ nodes }}, 1) as {{ element_numbers(loop.index)[-1] }},
        unnest({{ nodes }}) as element_json
    from elements_{{ loop.index0 }}

){{ ',' if not loop.last }}
{% endfor %}
{%- endmacro %}


{#- One parse for each level, and no more: for all of them at once, Spark loses every list in which one
    element is not what it should be. -#}
{% macro spark__elements_of_documents(lists) -%}
elements_0 as (

    select
        record_id as conversation_id,
        loaded_at,
        payload_json as element_json
    from documents

),

{% for list in lists %}
{% set fields = list.split('.') %}
{% set shape = namespace(json='array<string>') %}
{% for field in fields | reverse %} {% set shape.json = 'struct<`' ~ field ~ '`:' ~ shape.json ~ '>' %} {% endfor %}
{{ 'elements' if loop.last else 'elements_' ~ loop.index }} as (

    select
        conversation_id,
        loaded_at,
        {% for name in element_numbers(loop.index0) %} {{ name }}, {% endfor %}
        cast(place + 1 as bigint) as {{ element_numbers(loop.index)[-1] }},
        element_json
    from (
        select
            conversation_id,
            loaded_at,
            {% for name in element_numbers(loop.index0) %} {{ name }}, {% endfor %}
            posexplode(
                from_json(element_json, '{{ shape.json }}').`{{ fields | join('`.`') }}`
            ) as (place, element_json)
        from elements_{{ loop.index0 }}
    ) as placed

){{ ',' if not loop.last }}
{% endfor %}
{%- endmacro %}


{#- The same for lists of sessions, with the ids that these have in stg_platform__sessions; the last CTE
    is session_elements, with element_number and the fields of each as a record. They are taken out
    before the join, which would hold what they are taken from. -#}
{% macro session_elements(list, fields, nodes=[]) -%}
{{ conversation_elements(['participants', 'sessions', list]) }},

element_records as (

    select
        conversation_id,
        first_number as participant_number,
        second_number as session_number,
        third_number as element_number,
        {{ json_record('element_json', fields, nodes) }} as record
    from elements

),

sessions as (

    select * from {{ ref('stg_platform__sessions') }}
    where {{ newly_loaded() }}

),

session_elements as (

    select
        sessions.conversation_id,
        sessions.session_id,
        sessions.participant_id,
        sessions.flow_id,
        sessions.loaded_at,
        element_records.element_number,
        element_records.record
    from element_records
    inner join sessions
        on
            element_records.conversation_id = sessions.conversation_id
            and element_records.participant_number = sessions.participant_number
            and element_records.session_number = sessions.session_number

)
{%- endmacro %}
