{#- Spark 3.5 and later, Databricks with it (dispatch falls back to spark__), ANSI mode on or off. JSON
    is its text: VARIANT is of 4.0 only. Times are TIMESTAMP in a session whose zone is UTC
    (profiles.yml). In a literal a backslash is written twice. -#}

{#- aggregates -#}

{% macro spark__boolean_any(condition) -%} bool_or({{ condition }}) {%- endmacro %}

{% macro spark__text_list(column) -%}
    case
        when count({{ column }}) > 0 then array_join(sort_array(collect_set({{ column }})), ',')
    end
{%- endmacro %}

{#- Compared byte by byte, which for UTF-8 is by code point. -#}
{% macro spark__by_code_point(text) -%} {{ text }} {%- endmacro %}


{#- casts; \z, as $ also matches before a line's end -#}

{% macro spark__matches(text, pattern) -%}
    ({{ text }} rlike '^({{ pattern }})\\z')
{%- endmacro %}

{% macro spark__try_bigint(text) -%}
    case
        when {{ text }} rlike '^[+-]?[0-9]{1,15}([.][0-9]{1,60})?\\z'
            then cast(round(cast({{ text }} as decimal(18, 3))) as bigint)
    end
{%- endmacro %}

{% macro spark__try_double(text) -%}
    case
        when {{ matches(text, double_pattern()) }} then cast({{ text }} as double)
    end
{%- endmacro %}

{% macro spark__milliseconds_from_seconds(text) -%}
    case
        when {{ text }} rlike '^[+-]?[0-9]{1,12}([.][0-9]{1,60})?([eE]-[0-9]{1,2})?\\z'
            then cast(round(cast({{ text }} as decimal(18, 6)) * 1000) as bigint)
    end
{%- endmacro %}


{#- hashes -#}

{% macro spark__sha256_hex(text) -%} sha2(cast({{ text }} as binary), 256) {%- endmacro %}

{% macro spark__sha256_hex_list(list, salt) -%}
    array_join(
        sort_array(
            transform(
                split({{ list }}, ',', -1),
                element -> sha2(cast({{ salt }} || element as binary), 256)
            )
        ),
        ','
    )
{%- endmacro %}


{#- json -#}

{#- The escape of NUL is dropped, as on the other engines. -#}
{% macro spark__json_parse(column) -%}
    case
        when contains({{ column }}, '\\u0000')
            then regexp_replace({{ column }}, '([^\\\\](?:\\\\\\\\)*)(?:\\\\u0000)+', '$1')
        else {{ column }}
    end
{%- endmacro %}

{#- Keys as get_json_object wants them, in a literal that is in single quotes itself. -#}
{% macro spark__json_path(path) -%}
    '$[\'{{ path.split(".") | join("\\'][\\'") }}\']'
{%- endmacro %}

{% macro spark__json_part(payload, path) -%}
    get_json_object({{ spark__json_parse(payload) }}, {{ spark__json_path(path) }})
{%- endmacro %}

{% macro spark__json_record(column, fields, nodes=[]) -%}
    from_json(
        {{ column }},
        '
        {%- for field in fields + nodes -%} `{{ field }}` string {{- ', ' if not loop.last -}}
        {%- endfor -%}
        '
    )
{%- endmacro %}

{% macro spark__json_field(record, field) -%} {{ record }}.`{{ field }}` {%- endmacro %}

{% macro spark__json_node_field(record, field) -%} {{ record }}.`{{ field }}` {%- endmacro %}

{% macro spark__json_text(column, path) -%}
    get_json_object({{ column }}, {{ spark__json_path(path) }})
{%- endmacro %}

{% macro spark__json_array_elements(relation, column, alias) -%}
    (
        select
            {{ relation }}.*,
            explode(
                transform(
                    from_json({{ column }}, 'array<string>'),
                    (element, number) -> named_struct(
                        'value', element, 'position', cast(number + 1 as bigint)
                    )
                )
            ) as {{ alias }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{#- A map keeps a key that is given twice; looked up, the first counts. -#}
{% macro spark__json_object_entries(relation, column, alias) -%}
    (
        select
            {{ relation }}.*,
            explode(
                transform(
                    array_distinct(map_keys(from_json({{ column }}, 'map<string,string>'))),
                    name -> named_struct(
                        'key', name,
                        'value', element_at(from_json({{ column }}, 'map<string,string>'), name)
                    )
                )
            ) as {{ alias }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{% macro spark__json_part_entries(relation, column, alias) -%}
    {{ spark__json_object_entries(relation, column, alias) }}
{%- endmacro %}

{#- An element or a node that is a string has lost its quotes already. -#}
{% macro spark__json_value_text(column) -%} {{ column }} {%- endmacro %}

{% macro spark__json_key_count(column) -%}
    case
        when json_object_keys({{ column }}) is not null
            then cast(size(array_distinct(json_object_keys({{ column }}))) as bigint)
    end
{%- endmacro %}

{% macro spark__json_size(column) -%} octet_length({{ column }}) {%- endmacro %}

{% macro spark__json_array_size(column) -%}
    cast(json_array_length({{ column }}) as bigint)
{%- endmacro %}

{% macro spark__json_array_end(column, end) -%}
    case
        when json_array_length({{ column }}) > 0
            then try_element_at(
                from_json({{ column }}, 'array<string>'), {{ {"first": 1, "last": -1}[end] }}
            )
    end
{%- endmacro %}

{% macro spark__json_array_text(column) -%}
    case
        when json_array_length({{ column }}) > 0
            then array_join(sort_array(from_json({{ column }}, 'array<string>')), ',')
    end
{%- endmacro %}

{% macro spark__json_key_list(text) -%}
    array_distinct(json_object_keys({{ spark__json_parse(text) }}))
{%- endmacro %}

{% macro spark__listed_keys(relation, column, alias) -%}
    (
        select
            {{ relation }}.*,
            explode(transform({{ column }}, name -> named_struct('key', name))) as {{ alias }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{#- to_json takes no text, but an array of one. -#}
{% macro spark__json_string(text) -%}
    regexp_extract(to_json(array(cast({{ text }} as string))), '^\\[((?s).*)\\]$', 1)
{%- endmacro %}

{#- In the order of one expression, upwards or downwards. -#}
{% macro spark__json_array_agg_text(value, order_by) -%}
    {%- set is_downwards = (order_by | trim | lower).endswith(' desc') -%}
    {%- set key = (order_by | trim)[:-5] if is_downwards else order_by -%}
    '[' || array_join(
        transform(
            {{ 'reverse' if is_downwards }}(
                array_sort(
                    collect_list(
                        case
                            when {{ value }} is not null
                                then named_struct('position', {{ key }}, 'value', {{ value }})
                        end
                    )
                )
            ),
            element -> element.value
        ),
        ','
    ) || ']'
{%- endmacro %}


{#- names -#}

{% macro spark__sql_type(name) -%}
    {{ return({
        'text': 'string', 'double precision': 'double', 'timestamptz': 'timestamp',
    }.get(name, name | replace('numeric', 'decimal'))) }}
{%- endmacro %}

{#- A backslash escapes; two quotes are two texts to Spark 3.5. -#}
{% macro spark__text_literal(text) -%}
    '{{ text | replace("\\", "\\\\") | replace("'", "\\'") }}'
{%- endmacro %}

{#- How tables are written: iceberg, or delta. -#}
{% macro spark__table_format() -%} {{ return(env_var('ELT_SPARK_TABLE_FORMAT', 'iceberg')) }} {%- endmacro %}


{#- steps -#}

{#- Backwards, sequence is an error. -#}
{% macro spark__steps_between(relation, first, last, step, name) -%}
    (
        select
            {{ relation }}.*,
            explode(
                case
                    when {{ first }} <= {{ last }}
                        then sequence({{ first }}, {{ last }}, interval '{{ step }}')
                end
            ) as {{ name }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}


{#- Not by recursion, which Spark knows since 4.1 only: the rows of a group are gone through in their
    order, and each takes the start of the one before it. -#}
{% macro spark__chain_starts(relation, group, number, previous, first_number) -%}
    (
        select
            {{ group }},
            explode(starts) as ({{ number }}, {{ first_number }})
        from (
            select
                {{ group }},
                aggregate(
                    array_sort(
                        collect_list(
                            named_struct(
                                'number', cast({{ number }} as bigint),
                                'previous', cast({{ previous }} as bigint)
                            )
                        )
                    ),
                    cast(map() as map<bigint, bigint>),
                    (starts, link) -> map_concat(
                        starts,
                        map(
                            link.number,
                            coalesce(try_element_at(starts, link.previous), link.previous)
                        )
                    )
                ) as starts
            from {{ relation }}
            group by {{ group }}
        ) as groups
    )
{%- endmacro %}


{#- time -#}

{#- A cast of its own takes 'z', and minutes without seconds, for no time. -#}
{% macro spark__timestamp_from_text(text) -%}
    case
        when {{ matches(text, timestamp_pattern() ~ '|' ~ date_pattern()) }}
            then cast(
                regexp_replace(
                    replace({{ text }}, 'z', 'Z'), '([T ][0-9]{2}:[0-9]{2})([Z+-]|$)', '$1:00$2'
                ) as timestamp
            )
    end
{%- endmacro %}

{% macro spark__utc(column) -%} cast({{ column }} as timestamp) {%- endmacro %}

{% macro spark__timestamp_from_epoch_text(text) -%}
    case
        when {{ text }} rlike '^[0-9]{1,11}([.][0-9]+)?\\z'
            then timestamp_micros(
                cast(floor(cast({{ text }} as decimal(20, 7)) * 1000000) as bigint)
            )
    end
{%- endmacro %}

{% macro spark__milliseconds_between(started_at, ended_at) -%}
    (unix_millis({{ ended_at }}) - unix_millis({{ started_at }}))
{%- endmacro %}

{#- Of two midnights Java chooses the first. -#}
{% macro spark__period_started_at(timestamp, zone, unit='day', periods=0) -%}
    to_utc_timestamp(
        date_trunc('{{ unit }}', from_utc_timestamp({{ timestamp }}, '{{ zone }}'))
        + interval '{{ periods }}' {{ unit }},
        '{{ zone }}'
    )
{%- endmacro %}

{% macro spark__date_started_at(date, zone) -%}
    to_utc_timestamp(cast({{ date }} as timestamp), '{{ zone }}')
{%- endmacro %}

{% macro spark__local_time(timestamp, zone) -%}
    from_utc_timestamp({{ timestamp }}, {{ zone }})
{%- endmacro %}

{% macro spark__weekday_number(date) -%}
    cast(extract(dayofweek_iso from {{ date }}) as bigint)
{%- endmacro %}

{% macro spark__stretch_started_at(timestamp, origin, minutes) -%}
    timestamp_micros(
        unix_micros({{ origin }}) + 60000000 * cast(
            floor(
                (unix_millis({{ timestamp }}) - unix_millis({{ origin }})) / (60000.0 * {{ minutes }})
            ) * {{ minutes }} as bigint
        )
    )
{%- endmacro %}

{% macro spark__iso_text(timestamp) -%}
    date_format({{ timestamp }}, 'yyyy-MM-dd\'T\'HH:mm:ss.SSS\'Z\'')
{%- endmacro %}

{#- dbt.dateadd stops at a null, cuts to seconds and is wrong in milliseconds. -#}
{% macro spark__later(timestamp, count, unit) -%}
    ({{ timestamp }} + ({{ count }}) * interval '1' {{ unit }})
{%- endmacro %}
