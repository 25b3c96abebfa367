{#- What DuckDB spells its own way. What a macro is for stands where the one of its name without
    `duckdb__` is. -#}

{% macro duckdb__json_parse(column) -%}
    cast({{ duckdb__without_nul(column) }} as json)
{%- endmacro %}

{% macro duckdb__without_nul(column) -%}
    case
        when contains({{ column }}, '\u0000')
            then regexp_replace({{ column }}, '([^\\](?:\\\\)*)(?:\\u0000)+', '\1', 'g')
        else {{ column }}
    end
{%- endmacro %}

{% macro duckdb__json_part(payload, path) -%}
    json_extract({{ json_parse(payload) }}, '$."{{ path.split(".") | join('"."') }}"')
{%- endmacro %}

{#- One parse for all the fields: a path expression per field parses the document each time. -#}
{% macro duckdb__json_record(column, fields, nodes=[]) -%}
    json_transform(
        {{ column }},
        '{
        {%- for field in fields -%} "{{ field }}": "VARCHAR" {{- ', ' if not loop.last or nodes -}}
        {%- endfor -%}
        {%- for node in nodes -%} "{{ node }}": "JSON" {{- ', ' if not loop.last -}} {%- endfor -%}
        }'
    )
{%- endmacro %}

{% macro duckdb__json_field(record, field) -%}
    struct_extract({{ record }}, '{{ field }}')
{%- endmacro %}

{% macro duckdb__json_node_field(record, field) -%}
    struct_extract({{ record }}, '{{ field }}')
{%- endmacro %}

{% macro duckdb__json_text(column, path) -%}
    ({{ column }} ->> '$."{{ path.split(".") | join('"."') }}"')
{%- endmacro %}

{% macro duckdb__json_array_elements(relation, column, alias) -%}
    (
        select
            * exclude (unnested_value, unnested_position),
            {'value': unnested_value, 'position': unnested_position} as {{ alias }}
        from (
            select
                {{ relation }}.*,
                unnest(try_cast({{ column }} as json[])) as unnested_value,
                generate_subscripts(try_cast({{ column }} as json[]), 1) as unnested_position
            from {{ relation }}
        ) as unnested
    ) as {{ relation }}
{%- endmacro %}

{#- A key given twice makes the cast to a map null; then each key is looked up by JSON pointer,
    which needs no quoting beyond ~ and /. -#}
{% macro duckdb__json_object_entries(relation, column, alias) -%}
    (
        select
            {{ relation }}.*,
            unnest(
                coalesce(
                    map_entries(try_cast({{ column }} as map(varchar, varchar))),
                    list_transform(
                        list_distinct(json_keys({{ column }})),
                        lambda name: {
                            'key': name,
                            'value': {{ column }}
                                ->> ('/' || replace(replace(name, '~', '~0'), '/', '~1'))
                        }
                    )
                )
            ) as {{ alias }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{% macro duckdb__json_part_entries(relation, column, alias) -%}
    {{ duckdb__json_object_entries(relation, column, alias) }}
{%- endmacro %}

{% macro duckdb__json_value_text(column) -%} ({{ column }} ->> '$') {%- endmacro %}

{% macro duckdb__json_key_count(column) -%}
    case
        when json_type({{ column }}) = 'OBJECT' then len(list_distinct(json_keys({{ column }})))
    end
{%- endmacro %}

{% macro duckdb__json_size(column) -%}
    strlen({{ column }})
{%- endmacro %}

{% macro duckdb__json_array_size(column) -%}
    case
        when json_type({{ column }}) = 'ARRAY' then cast(json_array_length({{ column }}) as bigint)
    end
{%- endmacro %}

{% macro duckdb__json_array_end(column, end) -%}
    ({{ column }} ->> '{{ {"first": "$[0]", "last": "$[#-1]"}[end] }}')
{%- endmacro %}

{% macro duckdb__json_array_text(column) -%}
    list_aggregate(list_sort(try_cast({{ column }} as varchar[])), 'string_agg', ',')
{%- endmacro %}

{% macro duckdb__json_key_list(text) -%}
    list_distinct(json_keys({{ duckdb__without_nul(text) }}))
{%- endmacro %}

{% macro duckdb__listed_keys(relation, column, alias) -%}
    (
        select
            {{ relation }}.*,
            unnest(list_transform({{ column }}, lambda name: {'key': name})) as {{ alias }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{% macro duckdb__json_string(text) -%}
    coalesce(cast(to_json(cast({{ text }} as varchar)) as varchar), 'null')
{%- endmacro %}

{% macro duckdb__json_array_agg_text(value, order_by) -%}
    '[' || coalesce(string_agg({{ value }}, ',' order by {{ order_by }}), '') || ']'
{%- endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro duckdb__try_bigint(text) -%}
    cast(try_cast({{ text }} as decimal(18, 3)) as bigint)
{%- endmacro %}

{#- Its own cast also reads NaN, infinity, 1_000 and blanks around a number. -#}
{% macro duckdb__try_double(text) -%}
    case
        when {{ matches(text, double_pattern()) }} then try_cast({{ text }} as double)
    end
{%- endmacro %}

{% macro duckdb__milliseconds_from_seconds(text) -%}
    cast(
        round(cast(try_cast({{ text }} as decimal(18, 6)) as decimal(28, 6)) * 1000) as bigint
    )
{%- endmacro %}

{#- The session's TimeZone is UTC (profiles.yml), so a time without an offset reads as UTC. Years
    below 1000 and of five digits are null: the year 1 stands for no time at all, and what lasts until
    99999 is more milliseconds than a sum can hold. Its own cast also reads 24:00:00, infinity, epoch
    and blanks around a time, hence the shape; dates that do not exist it refuses. -#}
{% macro duckdb__timestamp_from_text(text) -%}
    case
        when {{ matches(text, timestamp_shape()) }}
            then try_cast(replace({{ text }}, 'z', 'Z') as timestamptz) at time zone 'UTC'
    end
{%- endmacro %}

{% macro duckdb__utc(column) -%}
    (cast({{ column }} as timestamptz) at time zone 'UTC')
{%- endmacro %}

{#- Decimals, not doubles: a double cannot tell microseconds apart today. -#}
{% macro duckdb__timestamp_from_epoch_text(text) -%}
    make_timestamp(
        cast(floor(try_cast({{ text }} as decimal(20, 7)) * 1000000) as bigint)
    )
{%- endmacro %}

{#- epoch_ms would round up what is below the millisecond. -#}
{% macro duckdb__milliseconds_between(started_at, ended_at) -%}
    (epoch_us({{ ended_at }}) // 1000 - epoch_us({{ started_at }}) // 1000)
{%- endmacro %}

{% macro duckdb__period_started_at(timestamp, zone, unit='day', periods=0) -%}
    {{ first_midnight(timestamp, zone, unit, periods) }}
{%- endmacro %}

{% macro duckdb__date_started_at(date, zone) -%}
    {{ first_in_utc('cast(' ~ date ~ ' as timestamp)', zone) }}
{%- endmacro %}

{% macro duckdb__local_time(timestamp, zone) -%}
    ({{ timestamp }} at time zone 'UTC') at time zone {{ zone }}
{%- endmacro %}

{% macro duckdb__weekday_number(date) -%}
    cast(extract(isodow from {{ date }}) as bigint)
{%- endmacro %}

{% macro duckdb__stretch_started_at(timestamp, origin, minutes) -%}
    (
        {{ origin }} + interval '1 minute' * cast(
            floor(
                (epoch_ms({{ timestamp }}) - epoch_ms({{ origin }})) / (60000.0 * {{ minutes }})
            ) * {{ minutes }} as bigint
        )
    )
{%- endmacro %}

{% macro duckdb__iso_text(timestamp) -%}
    strftime({{ timestamp }}, '%Y-%m-%dT%H:%M:%S.%gZ')
{%- endmacro %}

{% macro duckdb__steps_between(relation, first, last, step, name) -%}
    (
        select
            {{ relation }}.*,
            unnest(generate_series({{ first }}, {{ last }}, interval '{{ step }}')) as {{ name }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{% macro duckdb__boolean_any(condition) -%} bool_or({{ condition }}) {%- endmacro %}

{% macro duckdb__text_list(column) -%}
    string_agg(distinct {{ column }}, ',' order by {{ column }})
{%- endmacro %}

{% macro duckdb__by_code_point(text) -%} {{ text }} {%- endmacro %}

{% macro duckdb__sha256_hex(text) -%} sha256({{ text }}) {%- endmacro %}

{% macro duckdb__sha256_hex_list(list, salt) -%}
    (
        select string_agg(element.hash, ',' order by element.hash)
        from (
            select sha256({{ salt }} || split.element) as hash
            from (select unnest(string_split({{ list }}, ',')) as element) as split
        ) as element
    )
{%- endmacro %}

{#- Replaced in place, which dbt-duckdb does not: see in_place.sql. -#}
{% macro duckdb__create_view_as(relation, sql) -%}
    {%- if config.get('contract').enforced -%} {{ get_assert_columns_equivalent(sql) }} {%- endif -%}
    create or replace view {{ relation }} as (
        {{ sql }}
    );
{%- endmacro %}

{% macro duckdb__text_literal(text) -%} '{{ text | replace("'", "''") }}' {%- endmacro %}

{% macro duckdb__chain_starts(relation, group, number, previous, first_number) -%}
    {{ chain_starts_by_recursion(relation, group, number, previous, first_number) }}
{%- endmacro %}
