{#- What BigQuery spells its own way. What a macro is for stands where the one of its name without
    `bigquery__` is. JSON is JSON: it knows no order of keys. Times are TIMESTAMP, which is UTC; what
    clocks of a zone show is DATETIME.

    Regular expressions are RE2, in raw texts where they have a backslash. -#}

{% macro bigquery__json_parse(column) -%}
    parse_json({{ bigquery__without_nul(column) }}, wide_number_mode => 'round')
{%- endmacro %}

{% macro bigquery__without_nul(column) -%}
    case
        when strpos({{ column }}, r'\u0000') > 0
            then regexp_replace({{ column }}, r'([^\\](?:\\\\)*)(?:\\u0000)+', r'\1')
        else {{ column }}
    end
{%- endmacro %}

{% macro bigquery__json_path(path) -%} '$."{{ path.split(".") | join('"."') }}"' {%- endmacro %}

{% macro bigquery__json_part(payload, path) -%}
    json_query({{ bigquery__json_parse(payload) }}, {{ bigquery__json_path(path) }})
{%- endmacro %}

{% macro bigquery__json_record(column, fields, nodes=[]) -%}
    {{ column }}
{%- endmacro %}

{#- json_value is null of what is no scalar. -#}
{% macro bigquery__json_value_text(column) -%}
    case
        when json_type({{ column }}) in ('object', 'array') then to_json_string({{ column }})
        else json_value({{ column }})
    end
{%- endmacro %}

{% macro bigquery__json_text(column, path) -%}
    {{ bigquery__json_value_text('json_query(' ~ column ~ ', ' ~ bigquery__json_path(path) ~ ')') }}
{%- endmacro %}

{% macro bigquery__json_field(record, field) -%}
    {{ bigquery__json_value_text(bigquery__json_node_field(record, field)) }}
{%- endmacro %}

{% macro bigquery__json_node_field(record, field) -%}
    json_query({{ record }}, '$."{{ field }}"')
{%- endmacro %}

{% macro bigquery__json_array_elements(relation, column, alias) -%}
    {{ relation }} cross join unnest(
        array(
            select as struct
                element as value,
                element_offset + 1 as position
            from unnest(json_query_array({{ column }})) as element with offset as element_offset
        )
    ) as {{ alias }}
{%- endmacro %}

{% macro bigquery__json_object_entries(relation, column, alias) -%}
    {{ relation }} cross join unnest(
        array(
            select as struct
                entry.name as key,
                {{ bigquery__json_value_text(column ~ '[entry.name]') }} as value
            from unnest({{ bigquery__json_names(column) }}) as entry
        )
    ) as {{ alias }}
{%- endmacro %}

{#- The keys of an object, as structs with a name. json_keys puts what is no plain word in quotes. -#}
{% macro bigquery__json_names(column) -%}
    array(
        select as struct {{ bigquery__plain_key('quoted_key') }} as name
        from unnest(json_keys({{ column }}, 1)) as quoted_key
    )
{%- endmacro %}

{% macro bigquery__plain_key(quoted_key) -%}
    case
        when starts_with({{ quoted_key }}, '"') then json_value(safe.parse_json({{ quoted_key }}))
        else {{ quoted_key }}
    end
{%- endmacro %}

{% macro bigquery__json_part_entries(relation, column, alias) -%}
    {{ bigquery__json_object_entries(relation, column, alias) }}
{%- endmacro %}

{% macro bigquery__json_key_count(column) -%}
    case
        when json_type({{ column }}) = 'object' then array_length(json_keys({{ column }}, 1))
    end
{%- endmacro %}

{% macro bigquery__json_size(column) -%}
    case when {{ column }} is not null then byte_length(to_json_string({{ column }})) end
{%- endmacro %}

{% macro bigquery__json_array_size(column) -%}
    array_length(json_query_array({{ column }}))
{%- endmacro %}

{% macro bigquery__json_array_end(column, end) -%}
    {%- set elements -%}
        {{ 'json_query_array(' ~ column ~ ')' if end == 'first'
            else 'array_reverse(json_query_array(' ~ column ~ '))' }}
    {%- endset -%}
    {{ bigquery__json_value_text(elements ~ '[safe_offset(0)]') }}
{%- endmacro %}

{% macro bigquery__json_array_text(column) -%}
    (
        select string_agg(element, ',' order by element)
        from unnest(json_value_array({{ column }})) as element
    )
{%- endmacro %}

{#- A list is its text, by which rows can be grouped. -#}
{% macro bigquery__json_key_list(text) -%}
    to_json_string(json_keys({{ bigquery__json_parse(text) }}, 1))
{%- endmacro %}

{% macro bigquery__listed_keys(relation, column, alias) -%}
    {{ relation }} cross join unnest(
        array(
            select as struct {{ bigquery__plain_key('quoted_key') }} as key
            from unnest(json_value_array({{ column }})) as quoted_key
        )
    ) as {{ alias }}
{%- endmacro %}

{% macro bigquery__json_string(text) -%}
    to_json_string(cast({{ text }} as string))
{%- endmacro %}

{% macro bigquery__json_array_agg_text(value, order_by) -%}
    '[' || coalesce(string_agg({{ value }}, ',' order by {{ order_by }}), '') || ']'
{%- endmacro %}

{% macro bigquery__matches(text, pattern) -%}
    regexp_contains({{ text }}, r'^(?:{{ pattern }})$')
{%- endmacro %}

{% macro bigquery__try_bigint(text) -%}
    case
        when {{ bigquery__matches(text, '[+-]?[0-9]{1,15}([.][0-9]{1,60})?') }}
            then cast(round(cast(left({{ text }}, 50) as bignumeric)) as int64)
    end
{%- endmacro %}

{% macro bigquery__try_double(text) -%}
    case
        when {{ bigquery__matches(text, double_pattern()) }} then safe_cast({{ text }} as float64)
    end
{%- endmacro %}

{% macro bigquery__milliseconds_from_seconds(text) -%}
    case
        when {{ bigquery__matches(text, '[+-]?[0-9]{1,12}([.][0-9]{1,60})?([eE]-[0-9]{1,2})?') }}
            then cast(round(round(safe_cast({{ text }} as bignumeric), 6) * 1000) as int64)
    end
{%- endmacro %}

{% macro bigquery__sha256_hex(text) -%} to_hex(sha256({{ text }})) {%- endmacro %}

{% macro bigquery__sha256_hex_list(list, salt) -%}
    (
        select string_agg(element.hashed, ',' order by element.hashed)
        from (
            select to_hex(sha256({{ salt }} || split_text)) as hashed
            from unnest(split({{ list }}, ',')) as split_text
        ) as element
    )
{%- endmacro %}

{% macro bigquery__boolean_any(condition) -%} logical_or({{ condition }}) {%- endmacro %}

{% macro bigquery__text_list(column) -%}
    string_agg(distinct {{ column }}, ',' order by {{ column }})
{%- endmacro %}

{% macro bigquery__by_code_point(text) -%} {{ text }} {%- endmacro %}

{% macro bigquery__steps_between(relation, first, last, step, name) -%}
    (
        select
            {{ relation }}.*,
            {{ name }}
        from {{ relation }}
        cross join unnest(
            generate_timestamp_array(
                {{ first }}, {{ last }}, interval {{ milliseconds_of_step(step) }} millisecond
            )
        ) as {{ name }}
    ) as {{ relation }}
{%- endmacro %}

{#- Spelled so that its own cast reads it: with seconds, microseconds, and an offset always, as a
    project may have a time zone of its own. -#}
{% macro bigquery__timestamp_from_text(text) -%}
    {%- set micros -%} regexp_replace({{ text }}, r'([.][0-9]{6})[0-9]+', r'\1') {%- endset -%}
    {%- set seconds -%}
        regexp_replace({{ micros }}, r'([T ][0-9]{2}:[0-9]{2})([Zz+-].*)?$', r'\1:00\2')
    {%- endset -%}
    {%- set colons -%}
        regexp_replace({{ seconds }}, r'(:[0-9.]+[+-][0-9]{2})([0-9]{2})$', r'\1:\2')
    {%- endset -%}
    {%- set zulu -%} regexp_replace({{ colons }}, r'[Zz]$', '+00:00') {%- endset -%}
    {%- set offset -%} regexp_replace({{ zulu }}, r'([T ][0-9]{2}:[0-9]{2}(:[0-9.]+)?)$', r'\1+00:00') {%- endset -%}
    case
        when {{ bigquery__matches(text, date_pattern()) }}
            then safe_cast({{ text }} || ' 00:00:00+00:00' as timestamp)
        when {{ bigquery__matches(text, timestamp_pattern()) }}
            then safe_cast({{ offset }} as timestamp)
    end
{%- endmacro %}

{% macro bigquery__utc(column) -%} cast({{ column }} as timestamp) {%- endmacro %}

{% macro bigquery__timestamp_from_epoch_text(text) -%}
    case
        when {{ bigquery__matches(text, '[0-9]{1,11}([.][0-9]+)?') }}
            then timestamp_micros(
                cast(floor(cast(left({{ text }}, 40) as bignumeric) * 1000000) as int64)
            )
    end
{%- endmacro %}

{% macro bigquery__milliseconds_between(started_at, ended_at) -%}
    (unix_millis({{ ended_at }}) - unix_millis({{ started_at }}))
{%- endmacro %}

{% macro bigquery__period_started_at(timestamp, zone, unit='day', periods=0) -%}
    {%- set local -%}
        datetime_add(
            datetime_trunc(datetime({{ timestamp }}, '{{ zone }}'), {{ unit }}),
            interval {{ periods }} {{ unit }}
        )
    {%- endset -%}
    {{ bigquery__first_in_utc(local, zone) }}
{%- endmacro %}

{#- Whichever of two equal times of the clock it chooses: the first of them. -#}
{% macro bigquery__first_in_utc(local, zone) -%}
    {%- set chosen -%} timestamp({{ local }}, '{{ zone }}') {%- endset -%}
    case
        when datetime(timestamp_sub({{ chosen }}, interval 1 hour), '{{ zone }}') = {{ local }}
            then timestamp_sub({{ chosen }}, interval 1 hour)
        else {{ chosen }}
    end
{%- endmacro %}

{% macro bigquery__date_started_at(date, zone) -%}
    {{ bigquery__first_in_utc('cast(' ~ date ~ ' as datetime)', zone) }}
{%- endmacro %}

{% macro bigquery__local_time(timestamp, zone) -%}
    datetime({{ timestamp }}, {{ zone }})
{%- endmacro %}

{% macro bigquery__weekday_number(date) -%}
    (mod(extract(dayofweek from {{ date }}) + 5, 7) + 1)
{%- endmacro %}

{% macro bigquery__stretch_started_at(timestamp, origin, minutes) -%}
    {%- set since = bigquery__milliseconds_between(origin, timestamp) -%}
    {%- set length = minutes * 60000 -%}
    timestamp_add(
        {{ origin }},
        interval {{ since }} - mod(mod({{ since }}, {{ length }}) + {{ length }}, {{ length }})
        millisecond
    )
{%- endmacro %}

{% macro bigquery__iso_text(timestamp) -%}
    format_timestamp('%Y-%m-%dT%H:%M:%S.', {{ timestamp }}, 'UTC')
    || lpad(cast(extract(millisecond from {{ timestamp }}) as string), 3, '0') || 'Z'
{%- endmacro %}

{% macro bigquery__seconds_text(seconds) -%} format('%.3f', {{ seconds }}) {%- endmacro %}

{% macro bigquery__text_literal(text) -%}
    '{{ text | replace("\\", "\\\\") | replace("'", "\\'") | replace("\n", "\\n") }}'
{%- endmacro %}

{% macro bigquery__sql_type(name) -%}
    {{ return({
        'text': 'string',
        'double precision': 'float64',
        'bigint': 'int64',
        'integer': 'int64',
        'boolean': 'bool',
        'timestamptz': 'timestamp',
    }.get(name, name)) }}
{%- endmacro %}

{% macro bigquery__set_operator(name) -%} {{ return(name ~ ' distinct') }} {%- endmacro %}

{% macro bigquery__comma_list(texts) -%}
    array_to_string([{{ texts | join(', ') }}], ',')
{%- endmacro %}

{#- Of a date it makes a DATETIME. -#}
{% macro bigquery__later(timestamp, count, unit) -%}
    ({{ timestamp }} + interval ({{ count }}) {{ unit }})
{%- endmacro %}

{#- Its recursion ends with an error at a chain of 500; no person is handed on so often in a row. -#}
{% macro bigquery__chain_starts(relation, group, number, previous, first_number) -%}
    {{ chain_starts_by_recursion(relation, group, number, previous, first_number) }}
{%- endmacro %}
