{#- Materialization `closure`: a table of every pair that a chain of the query's pairs leads to, however
    long, and each once, so that circles end. In place of recursion, which engines know differently or
    not at all: they want UNION ALL, which a circle never ends, or stop after so many steps. Each round
    joins the chains found so far with each other, so that they double, until nothing new is found.

    Pairs stand in the config: made_of: {pair: [<from>, <to>], same: [<columns equal along a chain>]}. -#}
{% materialization closure, default -%}
    {%- set made_of = config.get('made_of') -%}
    {%- set columns = made_of.get('same', []) + made_of.pair -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {#- Beside, until it is whole: others read what was there. -#}
    {%- set filled = this.incorporate(path={'identifier': this.identifier ~ '__filled'}, type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('begin') -%} select 1 {%- endcall -%}
    {%- do adapter.drop_relation(filled) -%}
    {%- set pairs -%}
        select {{ columns | join(', ') }} from ({{ model['compiled_code'] }}) as pairs
        group by {{ columns | join(', ') }}
    {%- endset -%}
    {%- call statement('main') -%}
        {{ get_create_table_as_sql(False, filled, pairs) }}
    {%- endcall -%}

    {%- set found = namespace(count=0, is_all=false) -%}
    {%- for _ in range(64) if not found.is_all -%}
        {%- set count = run_query('select count(*) from ' ~ filled).rows[0][0] -%}
        {%- if count == found.count -%}
            {%- set found.is_all = true -%}
        {%- else -%}
            {%- call statement('round') -%}
                insert into {{ filled }} ({{ columns | join(', ') }})
                {{ longer_chains(filled, made_of.get('same', []), *made_of.pair) }}
            {%- endcall -%}
        {%- endif -%}
        {%- set found.count = count -%}
    {%- endfor -%}

    {%- set existing = load_cached_relation(this) -%}
    {%- if existing -%} {%- do adapter.drop_relation(existing) -%} {%- endif -%}
    {%- do adapter.rename_relation(filled, target_relation) -%}
    {%- do apply_grants(
        target_relation, config.get('grants'), should_revoke=should_revoke(existing, true)
    ) -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}


{#- Query of the pairs that two chains of a relation make together and that it lacks. -#}
{% macro longer_chains(relation, same, start, end) -%}
    select
        {%- for column in same %}
        chains.{{ column }},
        {%- endfor %}
        chains.{{ start }},
        onward.{{ end }}
    from {{ relation }} as chains
    inner join {{ relation }} as onward
        on
            chains.{{ end }} = onward.{{ start }}
            {%- for column in same %}
            and chains.{{ column }} = onward.{{ column }}
            {%- endfor %}
    left join {{ relation }} as known
        on
            chains.{{ start }} = known.{{ start }}
            and onward.{{ end }} = known.{{ end }}
            {%- for column in same %}
            and chains.{{ column }} = known.{{ column }}
            {%- endfor %}
    where known.{{ start }} is null
    group by
        {%- for column in same %}
        chains.{{ column }},
        {%- endfor %}
        chains.{{ start }},
        onward.{{ end }}
{%- endmacro %}
