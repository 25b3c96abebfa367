{#- What Postgres spells its own way. What a macro is for stands where the one of its name without
    `postgres__` is. -#}

{% macro postgres__json_parse(column) -%}
    cast({{ postgres__without_nul(column) }} as jsonb)
{%- endmacro %}

{% macro postgres__without_nul(column) -%}
    case
        when position('\u0000' in {{ column }}) > 0
            then regexp_replace({{ column }}, '([^\\](?:\\\\)*)(?:\\u0000)+', '\1', 'g')
        else {{ column }}
    end
{%- endmacro %}

{% macro postgres__json_part(payload, path) -%}
    (
        cast({{ postgres__without_nul(payload) }} as json)
        #> array['{{ path.split(".") | join("', '") }}']
    )
{%- endmacro %}

{% macro postgres__json_record(column, fields, nodes=[]) -%}
    {{ column }}
{%- endmacro %}

{% macro postgres__json_field(record, field) -%}
    ({{ record }} ->> '{{ field }}')
{%- endmacro %}

{% macro postgres__json_node_field(record, field) -%}
    ({{ record }} -> '{{ field }}')
{%- endmacro %}

{% macro postgres__json_text(column, path) -%}
    ({{ column }} #>> array['{{ path.split(".") | join("', '") }}'])
{%- endmacro %}

{% macro postgres__json_array_elements(relation, column, alias) -%}
    {{ relation }} cross join lateral jsonb_array_elements(
        case when jsonb_typeof({{ column }}) = 'array' then {{ column }} else cast('[]' as jsonb) end
    ) with ordinality as {{ alias }} (value, position)
{%- endmacro %}

{% macro postgres__json_object_entries(relation, column, alias) -%}
    {{ relation }} cross join lateral jsonb_each_text(
        case when jsonb_typeof({{ column }}) = 'object' then {{ column }} else cast('{}' as jsonb) end
    ) as {{ alias }} (key, value)
{%- endmacro %}

{#- Of a key given twice the first counts, as on DuckDB. -#}
{% macro postgres__json_part_entries(relation, column, alias) -%}
    {{ relation }} cross join lateral (
        select entry.key, (array_agg(entry.value order by entry.position))[1] as value
        from json_each_text(
            case
                when json_typeof({{ column }}) = 'object' then {{ column }}
                else cast('{}' as json)
            end
        ) with ordinality as entry (key, value, position)
        group by entry.key
    ) as {{ alias }}
{%- endmacro %}

{% macro postgres__json_value_text(column) -%} ({{ column }} #>> '{}') {%- endmacro %}

{% macro postgres__json_key_count(column) -%}
    case
        when jsonb_typeof({{ column }}) = 'object'
            then (select count(*) from jsonb_object_keys({{ column }}))
    end
{%- endmacro %}

{% macro postgres__json_size(column) -%}
    octet_length(cast({{ column }} as text))
{%- endmacro %}

{% macro postgres__json_array_size(column) -%}
    case
        when jsonb_typeof({{ column }}) = 'array'
            then cast(jsonb_array_length({{ column }}) as bigint)
    end
{%- endmacro %}

{% macro postgres__json_array_end(column, end) -%}
    (
        case when jsonb_typeof({{ column }}) = 'array' then {{ column }} end
        ->> {{ {"first": 0, "last": -1}[end] }}
    )
{%- endmacro %}

{% macro postgres__json_array_text(column) -%}
    (
        select string_agg(element.value, ',' order by element.value collate "C")
        from jsonb_array_elements_text(
            case when jsonb_typeof({{ column }}) = 'array' then {{ column }} else cast('[]' as jsonb) end
        ) as element (value)
    )
{%- endmacro %}

{% macro postgres__json_key_list(text) -%}
    array(
        select jsonb_object_keys(
            case
                when jsonb_typeof({{ postgres__json_parse(text) }}) = 'object'
                    then {{ postgres__json_parse(text) }}
                else cast('{}' as jsonb)
            end
        )
    )
{%- endmacro %}

{% macro postgres__listed_keys(relation, column, alias) -%}
    {{ relation }} cross join lateral unnest({{ column }}) as {{ alias }} (key)
{%- endmacro %}

{% macro postgres__json_string(text) -%}
    coalesce(cast(to_json(cast({{ text }} as text)) as text), 'null')
{%- endmacro %}

{% macro postgres__json_array_agg_text(value, order_by) -%}
    '[' || coalesce(string_agg({{ value }}, ',' order by {{ order_by }}), '') || ']'
{%- endmacro %}

{% macro postgres__matches(text, pattern) -%}
    ({{ text }} ~ '^({{ pattern }})$')
{%- endmacro %}

{% macro postgres__try_bigint(text) -%}
    case
        when {{ text }} ~ '^[+-]?[0-9]{1,15}([.][0-9]{1,60})?$'
            then cast(cast({{ text }} as numeric) as bigint)
    end
{%- endmacro %}

{% macro postgres__try_double(text) -%}
    case
        when {{ matches(text, double_pattern()) }}
            then cast({{ text }} as double precision)
    end
{%- endmacro %}

{% macro postgres__milliseconds_from_seconds(text) -%}
    case
        when {{ text }} ~ '^[+-]?[0-9]{1,12}([.][0-9]{1,60})?([eE]-[0-9]{1,2})?$'
            then cast(round(cast(cast({{ text }} as numeric) as numeric(18, 6)) * 1000) as bigint)
    end
{%- endmacro %}

{#- Postgres raises on a time that is none, hence the pattern; it rounds below the microsecond,
    where DuckDB cuts, hence the replacement; and its session has a time zone of its own, hence
    the offset for those that lack one. -#}
{% macro postgres__timestamp_from_text(text) -%}
    case
        when {{ matches(text, timestamp_pattern() ~ '|' ~ date_pattern()) }}
            then cast(
                regexp_replace({{ text }}, '([.][0-9]{6})[0-9]+', '\1')
                || case
                    when {{ text }} ~ ':[0-9.]+(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)$' then ''
                    else ' UTC'
                end as timestamptz
            ) at time zone 'UTC'
    end
{%- endmacro %}

{% macro postgres__utc(column) -%}
    (cast({{ column }} as timestamptz) at time zone 'UTC')
{%- endmacro %}

{% macro postgres__timestamp_from_epoch_text(text) -%}
    cast('1970-01-01' as timestamp) + interval '1 microsecond' * floor(
        case when {{ text }} ~ '^[0-9]{1,11}([.][0-9]+)?$' then cast({{ text }} as numeric(20, 7)) end
        * 1000000
    )
{%- endmacro %}

{% macro postgres__milliseconds_between(started_at, ended_at) -%}
    cast(
        floor(extract(epoch from {{ ended_at }}) * 1000)
        - floor(extract(epoch from {{ started_at }}) * 1000) as bigint
    )
{%- endmacro %}

{% macro postgres__period_started_at(timestamp, zone, unit='day', periods=0) -%}
    {{ first_midnight(timestamp, zone, unit, periods) }}
{%- endmacro %}

{% macro postgres__date_started_at(date, zone) -%}
    {{ first_in_utc('cast(' ~ date ~ ' as timestamp)', zone) }}
{%- endmacro %}

{% macro postgres__local_time(timestamp, zone) -%}
    ({{ timestamp }} at time zone 'UTC') at time zone {{ zone }}
{%- endmacro %}

{% macro postgres__weekday_number(date) -%}
    cast(extract(isodow from {{ date }}) as bigint)
{%- endmacro %}

{% macro postgres__stretch_started_at(timestamp, origin, minutes) -%}
    (
        {{ origin }} + interval '1 minute' * cast(
            floor(
                extract(epoch from {{ timestamp }} - {{ origin }}) / (60.0 * {{ minutes }})
            ) * {{ minutes }} as bigint
        )
    )
{%- endmacro %}

{% macro postgres__iso_text(timestamp) -%}
    to_char({{ timestamp }}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
{%- endmacro %}

{% macro postgres__steps_between(relation, first, last, step, name) -%}
    (
        select
            {{ relation }}.*,
            generate_series({{ first }}, {{ last }}, interval '{{ step }}') as {{ name }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{% macro postgres__boolean_any(condition) -%} bool_or({{ condition }}) {%- endmacro %}

{#- distinct and a collation of its own do not go together in one string_agg. -#}
{% macro postgres__text_list(column) -%}
    nullif(
        array_to_string(
            array_agg(distinct {{ column }} collate "C" order by {{ column }} collate "C"), ','
        ),
        ''
    )
{%- endmacro %}

{% macro postgres__by_code_point(text) -%} ({{ text }} collate "C") {%- endmacro %}

{% macro postgres__sha256_hex(text) -%}
    encode(sha256(convert_to({{ text }}, 'UTF8')), 'hex')
{%- endmacro %}

{% macro postgres__sha256_hex_list(list, salt) -%}
    (
        select string_agg(element.hash, ',' order by element.hash collate "C")
        from (
            select encode(sha256(convert_to({{ salt }} || split.element, 'UTF8')), 'hex') as hash
            from unnest(string_to_array({{ list }}, ',')) as split (element)
        ) as element
    )
{%- endmacro %}

{% macro postgres__computed_once() -%} materialized {%- endmacro %}

{% macro postgres__gather_statistics(relation) -%} analyze {{ relation }} {%- endmacro %}

{#- Contacts come in a slice of unknown size. What a plan without nested loops cannot do without costs so
    much by its count that it would be compiled as well. -#}
{% macro postgres__planned_for(slice) -%}
    {%- if slice.get('bytes', none) is none or slice.bytes > 4 * 1048576 -%}
        set local enable_nestloop = off;
        set local jit = off;
    {%- endif -%}
{%- endmacro %}

{% macro postgres__conversation_indexes() -%}
    {{ return([{'columns': ['conversation_id']}, {'columns': ['loaded_at']}]) }}
{%- endmacro %}

{% macro postgres__contact_indexes() -%}
    {{ return([{'columns': ['canonical_contact_id']}]) }}
{%- endmacro %}

{% macro postgres__text_literal(text) -%} '{{ text | replace("'", "''") }}' {%- endmacro %}

{% macro postgres__chain_starts(relation, group, number, previous, first_number) -%}
    {{ chain_starts_by_recursion(relation, group, number, previous, first_number) }}
{%- endmacro %}
