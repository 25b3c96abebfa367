{#- Where an incremental run goes on: the newest load that the model has already taken in, or the
    start of time while it is empty. No lookback is needed: a conversation's loaded_at is the load
    of its version, load ids only grow, and loads are committed one at a time in that order.

    A model that also depends on the attribute registry starts anew when the registry changed. -#}
{% macro loaded_through() -%}
    (
        select coalesce(max(loaded_at), cast('1970-01-01' as timestamp))
        from {{ this }}
        {%- if config.get('meta', {}).get('typed_by_registry') %}
            where registry_version = '{{ registry_version() }}'
        {%- endif %}
    )
{%- endmacro %}
