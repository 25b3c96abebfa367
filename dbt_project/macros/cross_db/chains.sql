{#- Where the chain that leads to a row begins, for rows that are each led to by one earlier row of
    their group, as a subquery: one row per row of the relation, with the group's column, `number` and
    `first_number`. Rows are told apart by number in their group, and `previous` is the earlier one's,
    which the relation lacks where nothing leads to that. -#}
{% macro chain_starts(relation, group, number, previous, first_number) -%}
    {{ return(adapter.dispatch('chain_starts', 'genesys')(
        relation, group, number, previous, first_number
    )) }}
{%- endmacro %}

{#- For engines whose recursion goes as deep as it has to. -#}
{% macro chain_starts_by_recursion(relation, group, number, previous, first_number) -%}
    (
        with recursive

        chains as (

            select
                links.{{ group }},
                links.{{ number }},
                links.{{ previous }} as {{ first_number }}
            from {{ relation }} as links
            left join {{ relation }} as before
                on
                    links.{{ group }} = before.{{ group }}
                    and links.{{ previous }} = before.{{ number }}
            where before.{{ number }} is null

            union all

            select
                links.{{ group }},
                links.{{ number }},
                chains.{{ first_number }}
            from chains
            inner join {{ relation }} as links
                on
                    chains.{{ group }} = links.{{ group }}
                    and chains.{{ number }} = links.{{ previous }}

        )

        select * from chains
    )
{%- endmacro %}
