{#- The slices that a model has yet to take in, oldest first: stretches of whole loads of together
    at most ELT_SLICE_MEGABYTES, or of one load. A load is one commit of the loader's, so it is
    bounded as well, by ELT_COMMIT_MEGABYTES.

    Where a model goes on is the newest load that it holds. No lookback is needed: a conversation's
    loaded_at is the load of its version, load ids only grow, and loads are committed one at a time
    in that order. A model that also depends on the attribute registry starts anew when the
    registry changed. -#}
{% macro slices_to_build(relation, is_new) -%}
    {%- set meta = config.get('meta', {}) -%}
    {%- set newest = namespace(load=none) -%}
    {%- if not is_new -%}
        {%- set question -%}
            select max(loaded_at)
            from {{ relation }}
            {%- if meta.get('typed_by_registry') %}
                where registry_version = '{{ registry_version() }}'
            {%- endif %}
        {%- endset -%}
        {%- set newest.load = run_query(question).rows[0][0] -%}
    {%- endif -%}
    {%- set begin = newest.load or '1970-01-01 00:00:00' -%}
    {%- set limit = env_var('ELT_SLICE_MEGABYTES', '64') | int * 1048576 -%}
    {%- set slices = [] -%}
    {%- set open = namespace(after=begin, through=none, bytes=0) -%}
    {%- for loaded_at, byte_count in run_query(loads_to_build(begin)).rows -%}
        {%- if open.through and not meta.get('whole') and open.bytes + byte_count > limit -%}
            {%- do slices.append([open.after, open.through]) -%}
            {%- set open.after = open.through -%}
            {%- set open.bytes = 0 -%}
        {%- endif -%}
        {%- set open.through = loaded_at -%}
        {%- set open.bytes = open.bytes + byte_count -%}
    {%- endfor -%}
    {%- if open.through -%}
        {%- do slices.append([open.after, open.through]) -%}
    {%- endif -%}
    {{ return(slices) }}
{%- endmacro %}


{#- Query of the loads later than a given one that hold anything for the model, with the bytes of
    their records as the ledger has them. What the model is made of stands in its meta: the
    conversations of a model, the reads of a resource, or the records of raw tables. -#}
{% macro loads_to_build(begin) -%}
    {%- set meta = config.get('meta', {}) -%}
    {#- Not by ref: a materialization may only use what the model itself names, and each that has a
        load time comes after this view. -#}
    {%- set view = graph.nodes['model.' ~ project_name ~ '.stg_loader__loads'] -%}
    {%- set loads = api.Relation.create(
        database=view.database, schema=view.schema, identifier=view.alias
    ) -%}
    {%- set parents = [meta.conversations] if meta.conversations else meta.get('parts', []) -%}
    with

    wanted as (
        {% if meta.reads_of %}
        select loaded_at, byte_count
        from {{ completed_reads(meta.reads_of) }}
        {% elif parents %}
        {% for parent in parents %}
        select loaded_at, cast(null as bigint) as byte_count
        from {{ ref(parent) }}
        where loaded_at > cast('{{ begin }}' as timestamp)
        {{ 'union all' if not loop.last }}
        {% endfor %}
        {% else %}
        {% for table in meta.records_of %}
        select loads.loaded_at, cast(null as bigint) as byte_count
        from {{ raw_table(meta.source, table) }} as source
        inner join {{ loads }} as loads
            on source._dlt_load_id = loads.load_id
        where loads.loaded_at > cast('{{ begin }}' as timestamp)
        {{ 'union all' if not loop.last }}
        {% endfor %}
        {% endif %}
    ),

    wanted_loads as (
        select loaded_at, sum(byte_count) as byte_count
        from wanted
        where loaded_at > cast('{{ begin }}' as timestamp)
        group by loaded_at
    ),

    byte_counts as (
        select loads.loaded_at, sum(commits.byte_count) as byte_count
        from {{ loads }} as loads
        inner join {{ raw_table('loader', 'extract_windows') }} as commits
            on loads.load_id = commits._dlt_load_id
        {% if meta.records_of %}
        where commits.resource in ('{{ meta.records_of | join("', '") }}')
        {% endif %}
        group by loads.loaded_at
    )

    select
        wanted_loads.loaded_at,
        cast(coalesce(wanted_loads.byte_count, byte_counts.byte_count, 0) as bigint) as byte_count
    from wanted_loads
    left join byte_counts
        on wanted_loads.loaded_at = byte_counts.loaded_at
    order by wanted_loads.loaded_at
{%- endmacro %}

