{#- The CTEs that a dimension begins with: what Genesys lists, and every id beyond the list that
    anything names; the last is `members`. It has the list's columns, all null of who is not on it,
    and member_id, is_known and the division's name.

    Args: listed, the model of the list; id_column, its id; named_by, pairs of a model and its column
    with such ids. -#}
{% macro members(listed, id_column, named_by) -%}
    {%- set in_divisions = listed != 'int_divisions_unioned' -%}
listed as (

    select * from {{ ref(listed) }}

),

named as (
    {% for model_name, column in named_by %}
    select {{ column }} as member_id from {{ ref(model_name) }}
    where {{ column }} is not null
    {{ set_operator('union') if not loop.last }}
    {%- endfor %}

),

{% if in_divisions -%}
divisions as (

    select
        division_id,
        division_name
    from {{ ref('int_divisions_unioned') }}

),

{% endif -%}
members as (

    select
        listed.*,
        {%- if in_divisions %}
        divisions.division_name,
        {%- endif %}
        coalesce(listed.{{ id_column }}, named.member_id) as member_id,
        listed.{{ id_column }} is not null as is_known
    from listed
    full outer join named
        on listed.{{ id_column }} = named.member_id
    {%- if in_divisions %}
    left join divisions
        on listed.division_id = divisions.division_id
    {%- endif %}

)
{%- endmacro %}
