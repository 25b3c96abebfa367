{#- The slices that a model has yet to take in, oldest first: stretches of whole loads of together
    at most ELT_SLICE_MEGABYTES, or of one load. A load is one commit of the loader's, so it is
    bounded as well, by ELT_COMMIT_MEGABYTES.

    Where a model goes on is the newest load that it holds. No lookback is needed: a conversation's
    loaded_at is the load of its version, load ids only grow, and loads are committed one at a time
    in that order. A table of counts by load goes over all loads, and leaves out those it has counted
    as they are. -#}
{% macro slices_to_build(relation, is_new) -%}
    {%- set made_of = config.get('made_of', {}) -%}
    {%- if made_of.get('contacts_of') -%}
        {{ return(contacts_in_one_slice(relation, is_new)) }}
    {%- endif -%}
    {%- set newest = namespace(load=none) -%}
    {%- if not is_new -%}
        {%- set newest.load = run_query(
            'select ' ~ time_text('max(loaded_at)') ~ ' from ' ~ relation
        ).rows[0][0] -%}
    {%- endif -%}
    {%- set counts = relation if made_of.get('counts_by_load') and not is_new else none -%}
    {%- set counted = {} -%}
    {%- if counts -%}
        {%- set newest.load = none -%}
        {%- for row in run_query(counted_loads(counts)).rows -%}
            {%- do counted.update({row[0]: true}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set begin = newest.load or '1970-01-01 00:00:00' -%}
    {#- Answers of buckets unfold into rows of many times their bytes: 60 MB of them did not fit into
        the default memory. -#}
    {%- set share = 8 if made_of.get('reads_of') and not made_of.get('period') else 1 -%}
    {%- set limit = slice_megabytes() * 1048576 // share -%}
    {%- set slices = [] -%}
    {%- set last = namespace(load=begin) -%}
    {%- set loads = run_query(loads_to_build(begin, counts)).rows -%}
    {%- for loaded_at, byte_count, read_from, read_to in loads -%}
        {%- set open = slices[-1] if slices and slices[-1].through == last.load else none -%}
        {%- if loaded_at in counted -%}
        {%- elif open and (made_of.get('whole') or open.bytes + byte_count <= limit) -%}
            {%- do open.update({
                'through': loaded_at,
                'bytes': open.bytes + byte_count,
                'read_from': [open.read_from, read_from] | min if read_from,
                'read_to': [open.read_to, read_to] | max if read_to,
            }) -%}
        {%- else -%}
            {%- do slices.append({
                'after': last.load,
                'through': loaded_at,
                'bytes': byte_count,
                'read_from': read_from,
                'read_to': read_to,
            }) -%}
        {%- endif -%}
        {%- set last.load = loaded_at -%}
    {%- endfor -%}
    {{ return(slices) }}
{%- endmacro %}


{#- One slice of all contacts that changed, named in a table of its own; none if there are none. -#}
{% macro contacts_in_one_slice(relation, is_new) -%}
    {%- if is_new -%} {{ return([{}]) }} {%- endif -%}
    {%- set changed = make_changed_contacts(relation) -%}
    {%- set contact_count = run_query('select count(*) from ' ~ changed).rows[0][0] -%}
    {%- if not contact_count -%}
        {%- do drop_changed_contacts(changed) -%}
    {%- endif -%}
    {{ return([{'contacts': changed}] if contact_count else []) }}
{%- endmacro %}


{#- Makes the table of the contacts that changed, and returns its name. -#}
{% macro make_changed_contacts(relation) -%}
    {{ return(adapter.dispatch('make_changed_contacts', 'genesys')(relation)) }}
{%- endmacro %}

{% macro default__make_changed_contacts(relation) -%}
    {%- set changed = adapter.quote(relation.identifier ~ '__contacts') -%}
    {%- call statement('contacts') -%}
        create temporary table {{ changed }} as {{ contacts_to_build(relation) }}
    {%- endcall -%}
    {{ return(changed) }}
{%- endmacro %}

{% macro drop_changed_contacts(changed) -%}
    {{ return(adapter.dispatch('drop_changed_contacts', 'genesys')(changed)) }}
{%- endmacro %}

{% macro default__drop_changed_contacts(changed) -%}
    {%- call statement('contacts') -%} drop table {{ changed }} {%- endcall -%}
{%- endmacro %}


{#- How much of what is new an engine takes in at once; one that spills what it cannot hold takes all. -#}
{% macro slice_megabytes() -%}
    {{ return(adapter.dispatch('slice_megabytes', 'genesys')()) }}
{%- endmacro %}

{% macro default__slice_megabytes() -%}
    {{ return(env_var('ELT_SLICE_MEGABYTES', '64') | int) }}
{%- endmacro %}


{#- Query of the loads later than a given one that hold anything for the model, with the bytes of
    their records as the ledger has them, and for reads the time they asked about. What the model is
    made of stands in its config, made_of: the conversations of a model, the reads of resources, or
    the records of raw tables. Of a table of counts also its own loads, which may have lost all they
    had. -#}
{% macro loads_to_build(begin, counts=none) -%}
    {%- set made_of = config.get('made_of', {}) -%}
    {#- Not by ref: a materialization may only use what the model itself names, and each that has a
        load time comes after this view. -#}
    {%- set view = graph.nodes['model.' ~ project_name ~ '.stg_loader__loads'] -%}
    {%- set loads = api.Relation.create(
        database=view.database, schema=view.schema, identifier=view.alias
    ) -%}
    {%- set nothing_read -%}
        cast(null as bigint) as byte_count,
        cast(null as timestamp) as window_start,
        cast(null as timestamp) as window_end
    {%- endset -%}
    {%- set parents = [counts] if counts else [] -%}
    {%- for name in ([made_of.conversations] if made_of.conversations else made_of.get('parts', [])) -%}
        {%- do parents.append(ref(name)) -%}
    {%- endfor -%}
    with

    wanted as (
        {% if made_of.reads_of %}
        select loaded_at, byte_count, window_start, window_end
        from {{ completed_reads(made_of.reads_of) }}
        {% elif parents %}
        {% for parent in parents %}
        select loaded_at, {{ nothing_read }}
        from {{ parent }}
        where loaded_at > cast('{{ begin }}' as timestamp)
        {{ 'union all' if not loop.last }}
        {% endfor %}
        {% else %}
        {% for table in made_of.records_of %}
        select loads.loaded_at, {{ nothing_read }}
        from {{ raw_table(made_of.source, table) }} as source
        inner join {{ loads }} as loads
            on source._dlt_load_id = loads.load_id
        where loads.loaded_at > cast('{{ begin }}' as timestamp)
        {{ 'union all' if not loop.last }}
        {% endfor %}
        {% endif %}
    ),

    wanted_loads as (
        select
            loaded_at,
            sum(byte_count) as byte_count,
            min(window_start) as read_from,
            max(window_end) as read_to
        from wanted
        where loaded_at > cast('{{ begin }}' as timestamp)
        group by loaded_at
    ),

    byte_counts as (
        select loads.loaded_at, sum(commits.byte_count) as byte_count
        from {{ loads }} as loads
        inner join {{ raw_table('loader', 'extract_windows') }} as commits
            on loads.load_id = commits._dlt_load_id
        {% if made_of.records_of %}
        where commits.resource in ('{{ made_of.records_of | join("', '") }}')
        {% endif %}
        group by loads.loaded_at
    )

    select
        {{ time_text('wanted_loads.loaded_at') }} as loaded_at,
        cast(coalesce(wanted_loads.byte_count, byte_counts.byte_count, 0) as bigint) as byte_count,
        {{ time_text('wanted_loads.read_from') }} as read_from,
        {{ time_text('wanted_loads.read_to') }} as read_to
    from wanted_loads
    left join byte_counts
        on wanted_loads.loaded_at = byte_counts.loaded_at
    order by wanted_loads.loaded_at
{%- endmacro %}

