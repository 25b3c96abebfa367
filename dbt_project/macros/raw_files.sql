{#- Before each command, where raw tables are files that the engine does not know of by itself: a table
    over the files of each, with the columns that the sources' yml gives. -#}
{% macro make_raw_readable() -%}
    {{ return(adapter.dispatch('make_raw_readable', 'genesys')()) }}
{%- endmacro %}

{% macro default__make_raw_readable() -%} {%- endmacro %}

{#- External tables: to drop one leaves the files. One whose columns are not those of the yml any more
    is made again; of the others Spark may know files of before only. -#}
{% macro spark__make_raw_readable() -%}
    {%- if execute and flags.WHICH in ['build', 'run', 'test', 'snapshot', 'source', 'freshness', 'show']
        and needs_raw_rows() -%}
        {%- set bucket = spark__bucket_url() -%}
        {%- set sources = graph.sources.values()
            | selectattr('source_name', 'in', ['platform', 'guides', 'loader']) | list -%}
        {%- do adapter.create_schema(
            api.Relation.create(database=sources[0].database, schema=sources[0].schema)
        ) -%}
        {%- for source in sources -%}
            {%- set relation = api.Relation.create(
                schema=source.schema, identifier=source.identifier, type='table'
            ) -%}
            {%- set found = adapter.get_relation(source.database, source.schema, source.identifier) -%}
            {%- set known = modules.re.findall(
                '\\|-- (\\w+):', found.information or ''
            ) if found is not none else [] -%}
            {%- set location = bucket ~ '/' ~ source.schema ~ '/' ~ source.identifier -%}
            {%- set is_right = known | sort | list == source.columns.keys() | sort | list
                and location in found.information -%}
            {%- if is_right -%}
                {%- call statement('refresh') -%} refresh table {{ relation }} {%- endcall -%}
            {%- else -%}
                {%- if found is not none -%} {%- do adapter.drop_relation(found) -%} {%- endif -%}
                {%- call statement('raw') -%}
                    create table {{ relation }} (
                        {%- for column in source.columns.values() %}
                        {{ adapter.quote(column.name) }} {{ sql_type(column.data_type) }}
                        {{- ',' if not loop.last }}
                        {%- endfor %}
                    )
                    using {{ 'json' if source.identifier.startswith('_dlt') else 'parquet' }}
                    location '{{ location }}'
                {%- endcall -%}
                {%- do adapter.cache_added(relation) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{#- Where the loader's files are. A path is meant from the folder above dbt_project, as in the profile. -#}
{% macro spark__bucket_url() -%}
    {%- set bucket = env_var('ELT_BUCKET_URL', '') | trim -%}
    {%- if not bucket -%}
        {{ exceptions.raise_compiler_error(
            "ELT_BUCKET_URL is not set: it names where the raw files are, a folder or the address of a bucket"
        ) }}
    {%- endif -%}
    {%- set bucket = modules.re.sub('/+$', '', bucket) -%}
    {%- if '://' in bucket -%} {{ return(bucket) }} {%- endif -%}
    {%- if bucket.startswith('/') -%} {{ return('file:' ~ bucket) }} {%- endif -%}
    {%- set folder = env_var('DBT_PROJECT_DIR', '') -%}
    {{ return('file:' ~ (folder ~ '/..' if folder else env_var('PWD', '')) ~ '/' ~ bucket) }}
{%- endmacro %}


{#- Spark's are there before the first load. -#}
{% macro raw_rows_found(raw) -%}
    {{ return(adapter.dispatch('raw_rows_found', 'genesys')(raw)) }}
{%- endmacro %}

{% macro default__raw_rows_found(raw) -%}
    {%- set found = namespace(any=false) -%}
    {%- for table in raw if not found.any -%}
        {%- if adapter.get_relation(table.database, table.schema, table.identifier) -%}
            {%- set found.any = true -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found.any) }}
{%- endmacro %}

{% macro spark__raw_rows_found(raw) -%}
    {%- set question = 'select load_id from ' ~ source('loader', '_dlt_loads') ~ ' limit 1' -%}
    {{ return(run_query(question).rows | length > 0) }}
{%- endmacro %}
