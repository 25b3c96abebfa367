{#- Data tests look at what was loaded since they last passed. Which load that was stands in the table
    passed_tests of the schema of failures: a row per test, written at the end of the command. What is
    not there is tested on all rows: a test that is new, or failed; all tests where any model was made
    anew, or the command has --full-refresh, or TEST_ALL_ROWS is set.

    A condition on rows of models whose rows change with their load and not otherwise; others have
    their tests look at everything. -#}
{% macro untested(column='loaded_at') -%}
    {%- set through = graph.get('passed_tests', {}).get(model.unique_id) if execute -%}
    {{ column }} > cast('{{ through or '0001-01-01 00:00:00' }}' as timestamp)
{%- endmacro %}


{#- Whether the rows of a model, a node of the graph, change with their load only. A view's do where
    all that it selects from does. -#}
{% macro changes_by_load(node) -%}
    {%- set made_of = node.config.get('made_of', {}) -%}
    {%- if node.config.materialized == 'incremental' -%}
        {{ return(not made_of.get('contacts_of') and not made_of.get('counts_by_load')) }}
    {%- endif -%}
    {%- set found = namespace(parents=0, changing=0) -%}
    {%- if node.config.materialized == 'view' -%}
        {%- for parent in node.depends_on.nodes if parent.startswith('model.') -%}
            {%- set found.parents = found.parents + 1 -%}
            {%- if changes_by_load(graph.nodes[parent]) -%}
                {%- set found.changing = found.changing + 1 -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found.parents > 0 and found.parents == found.changing) }}
{%- endmacro %}


{#- Whether the model that a generic test is of has such rows. -#}
{% macro tests_new_rows() -%}
    {%- set node = graph.nodes.get(model.attached_node) if execute -%}
    {{ return(node and 'loaded_at' in node.columns and changes_by_load(node)) }}
{%- endmacro %}


{#- What a generic test reads: of such a model the untested rows. Uniqueness is among all rows, and
    narrows them down itself. -#}
{% macro default__get_where_subquery(relation) -%}
    {%- set conditions = [] -%}
    {%- if config.get('where') -%} {%- do conditions.append(config.get('where')) -%} {%- endif -%}
    {%- if tests_new_rows() and model.test_metadata.name not in ['unique', 'unique_together'] -%}
        {%- do conditions.append(untested()) -%}
    {%- endif -%}
    {%- if not conditions -%} {{ return(relation) }} {%- endif -%}
    {%- set filtered -%}
        (select * from {{ relation }} where {{ conditions | join(' and ') }}) as tested
    {%- endset -%}
    {{ return(filtered) }}
{%- endmacro %}


{#- Condition that a row may share its key with an untested one: all that have the same value in a
    column of the key. -#}
{% macro of_untested_keys(relation, column) -%}
    {%- if tests_new_rows() -%}
        {{ column }} in (select new_rows.{{ column }} from {{ relation }} as new_rows where {{ untested() }})
    {%- else -%}
        1 = 1
    {%- endif -%}
{%- endmacro %}


{% macro default__test_unique(model, column_name) -%}
select
    {{ column_name }},
    count(*) as row_count
from {{ model }}
where
    {{ column_name }} is not null
    and {{ of_untested_keys(model, column_name) }}
group by {{ column_name }}
having count(*) > 1
{%- endmacro %}


{% macro passed_tests_relation() -%}
    {{ return(api.Relation.create(
        database=target.database | default(none), schema=target.schema ~ '_test_failures',
        identifier='passed_tests', type='table'
    )) }}
{%- endmacro %}


{#- Before each command: which tests have passed, and through which load. The graph is what all nodes
    of a command share. -#}
{% macro read_passed_tests() -%}
    {%- if execute and flags.WHICH in ['build', 'run', 'test'] -%}
        {%- set passed = {} -%}
        {%- set relation = passed_tests_relation() -%}
        {%- if not flags.FULL_REFRESH and not env_var('TEST_ALL_ROWS', '') -%}
            {%- if adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
                {%- set question = 'select test_id, ' ~ time_text('tested_through') ~ ' from ' ~ relation -%}
                {%- for test_id, through in run_query(question).rows -%}
                    {%- do passed.update({test_id: through}) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endif -%}
        {%- do graph.update({'passed_tests': {} if 'none' in passed else passed}) -%}
    {%- endif -%}
{%- endmacro %}


{#- Where a model is made anew: all tests look at everything, in this command and the next. -#}
{% macro forget_passed_tests() -%}
    {%- if graph.get('passed_tests') -%}
        {%- do graph.update({'passed_tests': {}}) -%}
        {%- call statement('forget') -%}
            insert into {{ passed_tests_relation() }} values ('none', null)
        {%- endcall -%}
    {%- endif -%}
{%- endmacro %}


{#- After each command: through which load its tests have passed, the newest that all models of a
    test hold. -#}
{% macro keep_passed_tests(results) -%}
    {%- if execute and flags.WHICH in ['build', 'test'] -%}
        {%- set models_of = {} -%}
        {%- set newest = {} -%}
        {%- for result in results
            if result.node.resource_type == 'test' and result.status == 'pass' -%}
            {%- for id in result.node.depends_on.nodes if id in graph.nodes -%}
                {%- set node = graph.nodes[id] -%}
                {%- if id not in newest and node.resource_type == 'model'
                    and 'loaded_at' in node.columns and changes_by_load(node) -%}
                    {%- do newest.update({id: none}) -%}
                {%- endif -%}
            {%- endfor -%}
            {%- set id = result.node.attached_node -%}
            {%- do models_of.update({
                result.node.unique_id: [id] if id else result.node.depends_on.nodes
            }) -%}
        {%- endfor -%}
        {%- if newest -%}
            {%- set question -%}
                {%- for id in newest -%}
                    {%- set node = graph.nodes[id] -%}
                    select '{{ id }}' as id, {{ time_text('max(loaded_at)') }} as loaded_at
                    from {{ api.Relation.create(
                        database=node.database, schema=node.schema, identifier=node.alias
                    ) }}
                    {{ 'union all' if not loop.last }}
                {% endfor -%}
            {%- endset -%}
            {%- for id, loaded_at in run_query(question).rows -%}
                {%- do newest.update({id: loaded_at}) -%}
            {%- endfor -%}
            {%- set passed = dict(graph.get('passed_tests', {})) -%}
            {%- for test_id, ids in models_of.items() -%}
                {%- set found = [] -%}
                {%- for id in ids if newest.get(id) -%} {%- do found.append(newest[id]) -%} {%- endfor -%}
                {%- if found -%} {%- do passed.update({test_id: found | min}) -%} {%- endif -%}
            {%- endfor -%}
            {%- set relation = passed_tests_relation() -%}
            {%- do adapter.create_schema(relation) -%}
            {%- call statement('keep', auto_begin=True) -%} {{ passed_tests_sql(relation, passed) }} {%- endcall -%}
            {%- do adapter.commit() -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#- What writes down which tests have passed through which load, and nothing of before. -#}
{% macro passed_tests_sql(relation, passed) -%}
    {{ return(adapter.dispatch('passed_tests_sql', 'genesys')(relation, passed)) }}
{%- endmacro %}

{% macro default__passed_tests_sql(relation, passed) -%}
    create table if not exists {{ relation }} (
        test_id {{ dbt.type_string() }},
        tested_through timestamp
    );
    delete from {{ relation }};
    {%- if passed %}
    insert into {{ relation }} values
    {% for test_id, through in passed.items() %}
    ('{{ test_id }}', cast('{{ through }}' as timestamp)) {{- ',' if not loop.last }}
    {% endfor %};
    {%- endif %}
{%- endmacro %}

{#- One statement, as Spark has no other transactions. -#}
{% macro spark__passed_tests_sql(relation, passed) -%}
    create or replace table {{ relation }} using {{ spark__table_format() }} as
    select test_id, cast(tested_through as timestamp) as tested_through
    from values
        ('', null)
        {%- for test_id, through in passed.items() %},
        ('{{ test_id }}', '{{ through }}')
        {%- endfor %}
        as passed (test_id, tested_through)
    where test_id <> ''
{%- endmacro %}

{% macro snowflake__passed_tests_sql(relation, passed) -%}
    {{ passed_tests_made_anew(relation, passed) }}
{%- endmacro %}

{% macro bigquery__passed_tests_sql(relation, passed) -%}
    {{ passed_tests_made_anew(relation, passed) }}
{%- endmacro %}

{% macro passed_tests_made_anew(relation, passed) -%}
    create or replace table {{ relation }} as
    select * from (
        select
            cast('' as {{ sql_type('text') }}) as test_id,
            cast(null as {{ sql_type('timestamp') }}) as tested_through
        {%- for test_id, through in passed.items() %}
        union all
        select '{{ test_id }}', cast('{{ through }}' as {{ sql_type('timestamp') }})
        {%- endfor %}
    ) as passed
    where test_id <> ''
{%- endmacro %}
