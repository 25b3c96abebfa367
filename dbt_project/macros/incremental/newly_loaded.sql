{#- Which rows a build has to take in: those whose load lies in the slice at hand. What stands here
    are the ends of time, so that a model's compiled SQL is a query of everything; the
    materialization puts the ends of each slice in their places.

    Literals: compared with a subquery, engines read and compute all rows before they drop them. -#}
{% macro newly_loaded(column='loaded_at') -%}
    {{ column }} > {{ loaded_after() }} and {{ column }} <= {{ loaded_through() }}
{%- endmacro %}

{% macro loaded_after() -%} cast('0001-01-01 00:00:00' as timestamp) {%- endmacro %}

{% macro loaded_through() -%} cast('9999-12-31 00:00:00' as timestamp) {%- endmacro %}


{#- The same of raw rows, by the id of their load, which is its time in seconds since 1970: files of other
    loads are then left unopened, where a join with the loads would read them first. -#}
{% macro newly_loaded_files(column='_dlt_load_id') -%}
    {{ column }} >= {{ first_load_id() }} and {{ column }} < {{ last_load_id() }}
{%- endmacro %}

{% macro first_load_id() -%} '0000000000.000000' {%- endmacro %}

{% macro last_load_id() -%} '9999999999.999999' {%- endmacro %}

{#- The least id of loads later than a time. A load's time has six decimals, its id may have more; and
    none of them are zeros at the end, so that ids are in the order of their texts. -#}
{% macro load_id_after(time) -%}
    {%- set since = modules.datetime.datetime.fromisoformat(time)
        - modules.datetime.datetime(1970, 1, 1) + modules.datetime.timedelta(microseconds=1) -%}
    {{ return("'" ~ ("%.6f" | format(since.total_seconds())).rstrip('0').rstrip('.') ~ "'") }}
{%- endmacro %}


{#- Which rows of time the reads of the slice may have changed: those of every period of the report's
    calendar that lies between the first moment they asked about and the last. -#}
{% macro newly_read(column, period) -%}
    {%- set zone = var('report_time_zone') -%}
    {{ column }} >= {{ period_started_at(read_from(), zone, period) }}
        and {{ column }} < {{ period_started_at(read_to(), zone, period, 1) }}
{%- endmacro %}

{% macro read_from() -%} cast('0002-01-01 00:00:00' as timestamp) {%- endmacro %}

{% macro read_to() -%} cast('9998-12-31 00:00:00' as timestamp) {%- endmacro %}


{#- A query as it is for one slice. -#}
{% macro in_slice(sql, slice) -%}
    {%- set filled = namespace(sql=sql) -%}
    {%- for end, time in [
        (loaded_after(), slice.after), (loaded_through(), slice.through),
        (read_from(), slice.read_from), (read_to(), slice.read_to),
    ] if time -%}
        {%- set filled.sql = filled.sql | replace(end, "cast('" ~ time ~ "' as timestamp)") -%}
    {%- endfor -%}
    {%- if first_load_id() in filled.sql -%}
        {%- set filled.sql = filled.sql
            | replace(first_load_id(), load_id_after(slice.after))
            | replace(last_load_id(), load_id_after(slice.through)) -%}
    {%- endif -%}
    {%- if slice.contacts -%}
        {%- set everybody = changed_contacts(config.get('made_of').contacts_of) -%}
        {%- set changed = '(select canonical_contact_id from ' ~ slice.contacts ~ ')' -%}
        {%- set filled.sql = filled.sql | replace(everybody, changed) -%}
    {%- endif -%}
    {{ return(filled.sql) }}
{%- endmacro %}


{#- A time as the text that SQL reads, which dbt hands from one statement to the next: as times of its
    own, some engines' drivers give them in the zone of their process. Such texts sort as times. -#}
{% macro time_text(timestamp) -%}
    {{ return(adapter.dispatch('time_text', 'genesys')(timestamp)) }}
{%- endmacro %}

{% macro default__time_text(timestamp) -%}
    cast({{ timestamp }} as {{ dbt.type_string() }})
{%- endmacro %}

{#- Its cast writes as many decimals as the account says: three. -#}
{% macro snowflake__time_text(timestamp) -%}
    to_char({{ timestamp }}::timestamp_ntz, 'YYYY-MM-DD HH24:MI:SS.FF6')
{%- endmacro %}
