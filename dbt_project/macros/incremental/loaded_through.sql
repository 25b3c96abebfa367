{#- Where an incremental run goes on: the newest load that the model has already taken in, or the
    start of time while it is empty. No lookback is needed: a conversation's loaded_at is the load
    of its version, load ids only grow, and loads are committed one at a time in that order.

    A literal, asked for beforehand: compared with a subquery, engines read and compute all rows
    before they drop them.

    A model that also depends on the attribute registry starts anew when the registry changed. -#}
{% macro loaded_through() -%}
    {%- set newest = namespace(load=none) -%}
    {%- if execute -%}
        {%- set question -%}
            select max(loaded_at)
            from {{ this }}
            {%- if config.get('meta', {}).get('typed_by_registry') %}
                where registry_version = '{{ registry_version() }}'
            {%- endif %}
        {%- endset -%}
        {%- set newest.load = run_query(question).rows[0][0] -%}
    {%- endif -%}
    cast('{{ newest.load or "1970-01-01" }}' as timestamp)
{%- endmacro %}
