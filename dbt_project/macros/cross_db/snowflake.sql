{#- What Snowflake spells its own way. What a macro is for stands where the one of its name without
    `snowflake__` is. JSON is VARIANT: it knows no order of keys, spells numbers its own way, and of a
    key given twice the last counts. Times are TIMESTAMP_NTZ in UTC.

    A text in single quotes takes the backslash for an escape, hence $$ around regular expressions;
    those know no (?: and always match the whole text where regexp_like asks. -#}

{% macro snowflake__json_parse(column) -%}
    parse_json({{ snowflake__without_nul(column) }}, 'd')
{%- endmacro %}

{% macro snowflake__without_nul(column) -%}
    case
        when contains({{ column }}, $$\u0000$$)
            then regexp_replace({{ column }}, $$([^\\](\\\\)*)(\\u0000)+$$, $$\1$$)
        else {{ column }}
    end
{%- endmacro %}

{% macro snowflake__json_part(payload, path) -%}
    {{ snowflake__json_parse(payload) }}:"{{ path.split(".") | join('"."') }}"
{%- endmacro %}

{% macro snowflake__json_record(column, fields, nodes=[]) -%}
    {{ column }}
{%- endmacro %}

{% macro snowflake__json_field(record, field) -%}
    {{ record }}:"{{ field }}"::varchar
{%- endmacro %}

{% macro snowflake__json_node_field(record, field) -%}
    {{ record }}:"{{ field }}"
{%- endmacro %}

{% macro snowflake__json_text(column, path) -%}
    {{ column }}:"{{ path.split(".") | join('"."') }}"::varchar
{%- endmacro %}

{% macro snowflake__json_array_elements(relation, column, alias) -%}
    {{ relation }} cross join lateral (
        select
            element.value,
            element.index + 1 as position
        from table(flatten(input => {{ column }}, mode => 'array')) as element
    ) as {{ alias }}
{%- endmacro %}

{% macro snowflake__json_object_entries(relation, column, alias) -%}
    {{ relation }} cross join lateral (
        select
            entry.key,
            entry.value::varchar as value
        from table(flatten(input => {{ column }}, mode => 'object')) as entry
    ) as {{ alias }}
{%- endmacro %}

{% macro snowflake__json_part_entries(relation, column, alias) -%}
    {{ snowflake__json_object_entries(relation, column, alias) }}
{%- endmacro %}

{% macro snowflake__json_value_text(column) -%} {{ column }}::varchar {%- endmacro %}

{% macro snowflake__json_key_count(column) -%}
    case when is_object({{ column }}) then array_size(object_keys({{ column }})) end
{%- endmacro %}

{% macro snowflake__json_size(column) -%}
    length(to_json({{ column }}))
{%- endmacro %}

{% macro snowflake__json_array_size(column) -%}
    cast(array_size({{ column }}) as bigint)
{%- endmacro %}

{% macro snowflake__json_array_end(column, end) -%}
    case
        when array_size({{ column }}) > 0
            then {{ column }}[
                {{- '0' if end == 'first' else 'cast(array_size(' ~ column ~ ') - 1 as int)' -}}
            ]::varchar
    end
{%- endmacro %}

{#- listagg of nothing is the empty text. -#}
{% macro snowflake__json_array_text(column) -%}
    (
        select
            case
                when count(element.value::varchar) > 0
                    then listagg(element.value::varchar, ',')
                        within group (order by element.value::varchar)
            end
        from table(flatten(input => {{ column }}, mode => 'array')) as element
    )
{%- endmacro %}

{#- A list is its text, by which rows can be grouped. -#}
{% macro snowflake__json_key_list(text) -%}
    case
        when is_object({{ snowflake__json_parse(text) }})
            then to_json(object_keys({{ snowflake__json_parse(text) }}))
        else '[]'
    end
{%- endmacro %}

{% macro snowflake__listed_keys(relation, column, alias) -%}
    {{ relation }} cross join lateral (
        select element.value::varchar as key
        from table(flatten(input => parse_json({{ column }}))) as element
    ) as {{ alias }}
{%- endmacro %}

{% macro snowflake__json_string(text) -%}
    coalesce(to_json(to_variant(cast({{ text }} as varchar))), 'null')
{%- endmacro %}

{% macro snowflake__json_array_agg_text(value, order_by) -%}
    '[' || coalesce(listagg({{ value }}, ',') within group (order by {{ order_by }}), '') || ']'
{%- endmacro %}

{#- A dot is every character with the parameter s, as with RE2's (?s). -#}
{% macro snowflake__matches(text, pattern) -%}
    regexp_like(
        {{ text }}, $$({{ pattern | replace('(?s)', '') }})$$ {{- ", 's'" if '(?s)' in pattern }}
    )
{%- endmacro %}

{#- Left of what a NUMBER cannot hold. -#}
{% macro snowflake__try_bigint(text) -%}
    case
        when {{ snowflake__matches(text, '[+-]?[0-9]{1,15}([.][0-9]{1,60})?') }}
            then cast(round(cast(left({{ text }}, 30) as number(30, 13))) as bigint)
    end
{%- endmacro %}

{% macro snowflake__try_double(text) -%}
    case
        when {{ snowflake__matches(text, double_pattern()) }} then try_cast({{ text }} as float)
    end
{%- endmacro %}

{#- More digits than a NUMBER holds only a double reads. -#}
{% macro snowflake__milliseconds_from_seconds(text) -%}
    case
        when {{ snowflake__matches(text, '[+-]?[0-9]{1,12}([.][0-9]{1,60})?([eE]-[0-9]{1,2})?') }}
            then cast(
                round(
                    coalesce(
                        try_cast({{ text }} as number(28, 6)),
                        cast(try_cast({{ text }} as float) as number(28, 6))
                    ) * 1000
                ) as bigint
            )
    end
{%- endmacro %}

{% macro snowflake__sha256_hex(text) -%} sha2({{ text }}, 256) {%- endmacro %}

{% macro snowflake__sha256_hex_list(list, salt) -%}
    (
        select
            listagg(sha2({{ salt }} || element.value::varchar, 256), ',')
                within group (order by sha2({{ salt }} || element.value::varchar, 256))
        from table(flatten(input => split({{ list }}, ','))) as element
    )
{%- endmacro %}

{% macro snowflake__boolean_any(condition) -%} boolor_agg({{ condition }}) {%- endmacro %}

{% macro snowflake__text_list(column) -%}
    case
        when count({{ column }}) > 0
            then listagg(distinct {{ column }}, ',') within group (order by {{ column }})
    end
{%- endmacro %}

{% macro snowflake__by_code_point(text) -%} {{ text }} {%- endmacro %}

{% macro snowflake__steps_between(relation, first, last, step, name) -%}
    {%- set length = milliseconds_of_step(step) -%}
    {%- set between = snowflake__milliseconds_between(first, last) -%}
    (
        select
            {{ relation }}.*,
            dateadd(millisecond, steps.value::bigint * {{ length }}, {{ first }}) as {{ name }}
        from {{ relation }}
        cross join lateral flatten(
            input => array_generate_range(
                0, cast(floor(({{ between }} + {{ length }}) / {{ length }}) as int)
            )
        ) as steps
    ) as {{ relation }}
{%- endmacro %}

{#- Spelled so that its own cast reads it: two digits for months and days, microseconds, and an offset
    always, as the session has a time zone of its own. -#}
{% macro snowflake__timestamp_from_text(text) -%}
    {%- set short_days -%} regexp_replace({{ text }}, '-([0-9])([-T ]|$)', $$-0\1\2$$) {%- endset -%}
    {%- set days -%} regexp_replace({{ short_days }}, '-([0-9])([-T ]|$)', $$-0\1\2$$) {%- endset -%}
    {%- set micros -%} regexp_replace({{ days }}, '([.][0-9]{6})[0-9]+', $$\1$$) {%- endset -%}
    {%- set colons -%}
        regexp_replace({{ micros }}, '(:[0-9.]+[+-][0-9]{2}):?([0-9]{2})$', $$\1:\2$$)
    {%- endset -%}
    {%- set minutes -%} regexp_replace({{ colons }}, '(:[0-9.]+[+-][0-9]{2})$', $$\1:00$$) {%- endset -%}
    {%- set zulu -%} regexp_replace({{ minutes }}, '[Zz]$', '+00:00') {%- endset -%}
    {%- set offset -%} regexp_replace({{ zulu }}, '([T ][0-9]{2}:[0-9]{2}(:[0-9.]+)?)$', $$\1+00:00$$) {%- endset -%}
    case
        when {{ snowflake__matches(text, date_pattern()) }}
            then try_cast({{ days }} as timestamp_ntz)
        when {{ snowflake__matches(text, timestamp_pattern()) }}
            then convert_timezone('UTC', try_cast({{ offset }} as timestamp_tz))::timestamp_ntz
    end
{%- endmacro %}

{% macro snowflake__utc(column) -%}
    convert_timezone('UTC', cast({{ column }} as timestamp_tz))::timestamp_ntz
{%- endmacro %}

{% macro snowflake__timestamp_from_epoch_text(text) -%}
    case
        when {{ snowflake__matches(text, '[0-9]{1,11}([.][0-9]+)?') }}
            then to_timestamp_ntz(
                cast(floor(try_cast({{ text }} as number(20, 7)) * 1000000) as bigint), 6
            )
    end
{%- endmacro %}

{% macro snowflake__milliseconds_between(started_at, ended_at) -%}
    cast(
        floor(date_part(epoch_microsecond, {{ ended_at }}) / 1000)
        - floor(date_part(epoch_microsecond, {{ started_at }}) / 1000) as bigint
    )
{%- endmacro %}

{% macro snowflake__period_started_at(timestamp, zone, unit='day', periods=0) -%}
    {%- set local -%}
        dateadd(
            {{ unit }},
            {{ periods }},
            date_trunc('{{ unit }}', convert_timezone('UTC', '{{ zone }}', {{ timestamp }}))
        )
    {%- endset -%}
    {{ snowflake__first_in_utc(local, zone) }}
{%- endmacro %}

{#- Whichever of two equal times of the clock it chooses: the first of them. -#}
{% macro snowflake__first_in_utc(local, zone) -%}
    {%- set chosen -%} convert_timezone('{{ zone }}', 'UTC', {{ local }}) {%- endset -%}
    case
        when convert_timezone('UTC', '{{ zone }}', dateadd(hour, -1, {{ chosen }})) = {{ local }}
            then dateadd(hour, -1, {{ chosen }})
        else {{ chosen }}
    end
{%- endmacro %}

{% macro snowflake__date_started_at(date, zone) -%}
    {{ snowflake__first_in_utc('cast(' ~ date ~ ' as timestamp_ntz)', zone) }}
{%- endmacro %}

{% macro snowflake__local_time(timestamp, zone) -%}
    convert_timezone('UTC', {{ zone }}, {{ timestamp }})
{%- endmacro %}

{% macro snowflake__weekday_number(date) -%}
    cast(dayofweekiso({{ date }}) as bigint)
{%- endmacro %}

{#- In whole numbers: a quotient has six decimals, and 3599999 milliseconds would be an hour. -#}
{% macro snowflake__stretch_started_at(timestamp, origin, minutes) -%}
    {%- set since = snowflake__milliseconds_between(origin, timestamp) -%}
    {%- set length = minutes * 60000 -%}
    dateadd(
        millisecond,
        {{ since }} - mod(mod({{ since }}, {{ length }}) + {{ length }}, {{ length }}),
        {{ origin }}
    )
{%- endmacro %}

{% macro snowflake__iso_text(timestamp) -%}
    to_char({{ timestamp }}::timestamp_ntz, 'YYYY-MM-DD"T"HH24:MI:SS.FF3') || 'Z'
{%- endmacro %}

{% macro snowflake__text_literal(text) -%}
    '{{ text | replace("\\", "\\\\") | replace("'", "''") }}'
{%- endmacro %}

{#- What a timestamp is without a suffix, a parameter of the account says. -#}
{% macro snowflake__sql_type(name) -%}
    {{ return({
        'text': 'varchar',
        'double precision': 'float',
        'timestamp': 'timestamp_ntz',
        'timestamptz': 'timestamp_tz',
    }.get(name, name)) }}
{%- endmacro %}

{% macro snowflake__stored_name(name) -%} {{ return(name | upper) }} {%- endmacro %}

{#- concat_ws is null where one of them is. -#}
{% macro snowflake__comma_list(texts) -%}
    substr(
        {%- for text in texts %}
        {{ '|| ' if not loop.first }}coalesce(',' || {{ text }}, '')
        {%- endfor %},
        2
    )
{%- endmacro %}

{% macro snowflake__later(timestamp, count, unit) -%}
    dateadd({{ unit }}, {{ count }}, {{ timestamp }})
{%- endmacro %}

{% macro snowflake__chain_starts(relation, group, number, previous, first_number) -%}
    {{ chain_starts_by_recursion(relation, group, number, previous, first_number) }}
{%- endmacro %}
