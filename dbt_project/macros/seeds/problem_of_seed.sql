{#- The rules of the seeds that analysts own, each written here and nowhere else. The loader runs
    these macros as well (loader/seed_rules.py), without dbt: so they ask no adapter. -#}

{#- The columns of each seed, in their order, those that are unique together, and those in which
    blanks around a value belong to it. -#}
{% macro seeds_of_analysts() -%}
    {{ return({
        'attribute_registry': {
            'columns': [
                'name', 'column_name', 'data_type', 'default_value', 'participant_purpose',
                'precedence', 'is_pii',
            ],
            'key': [],
            'exact': ['name', 'default_value'],
        },
        'flow_outcome_aliases': {
            'columns': ['flow_id', 'old_name', 'new_name'],
            'key': ['flow_id', 'old_name'],
            'exact': [],
        },
        'expected_flow_outcomes': {
            'columns': ['flow_id', 'outcome_name'],
            'key': ['flow_id', 'outcome_name'],
            'exact': [],
        },
        'interaction_columns': {
            'columns': ['version', 'source_column', 'column_name', 'data_type'],
            'key': ['version', 'column_name'],
            'exact': [],
        },
        'journey_states': {'columns': ['state', 'is_kept'], 'key': ['state'], 'exact': []},
        'metric_dictionary': {
            'columns': [
                'mart', 'metric_name', 'label', 'unit', 'aggregation', 'numerator', 'denominator',
                'genesys_metric', 'genesys_name', 'definition', 'difference',
            ],
            'key': ['mart', 'metric_name'],
            'exact': [],
        },
        'pii_policy': {
            'columns': ['model_name', 'column_name', 'treatment'],
            'key': ['model_name', 'column_name'],
            'exact': [],
        },
        'service_levels': {
            'columns': ['queue_id', 'media_type', 'seconds', 'share', 'short_abandon_seconds'],
            'key': ['queue_id', 'media_type'],
            'exact': [],
        },
        'business_hours': {
            'columns': ['queue_id', 'day', 'opens', 'closes', 'time_zone'],
            'key': ['queue_id', 'day', 'opens'],
            'exact': [],
        },
    }) }}
{%- endmacro %}


{#- The first thing wrong with a seed and the remedy, as it goes on behind the file's name; none where
    all is right. `lines` are pairs of a line's number in the file and its values by column. -#}
{% macro problem_of_seed(seed, columns, lines) -%}
    {%- set rules = seeds_of_analysts()[seed] -%}
    {%- if columns != rules.columns -%}
        {{ return(" line 1: the columns must be " ~ rules.columns | join(',') ~ ".") }}
    {%- endif -%}
    {%- set taken = {} -%}
    {%- set found = namespace(problem=none) -%}
    {%- for number, line in lines if not found.problem -%}
        {%- set problem = problem_of_line(seed, line) -%}
        {%- if not problem and seed == 'attribute_registry' -%}
            {%- set problem = problem_among_attributes(number, line, taken) -%}
        {%- elif not problem -%}
            {%- set key = [] -%}
            {%- for column in rules.key -%} {%- do key.append(line[column]) -%} {%- endfor -%}
            {%- if key | join('\n') in taken -%}
                {%- set problem = rules.key | join(' and ') ~ " " ~ key | join(', ')
                    ~ " are taken by line " ~ taken[key | join('\n')] ~ "; remove one of the two" -%}
            {%- endif -%}
            {%- do taken.update({key | join('\n'): number}) -%}
        {%- endif -%}
        {%- if problem -%}
            {%- set found.problem = " line " ~ number ~ ": " ~ problem ~ "." -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not found.problem -%}
        {%- set missing = missing_line(seed, taken) -%}
        {%- if missing -%} {%- set found.problem = ": " ~ missing ~ "." -%} {%- endif -%}
    {%- endif -%}
    {{ return(found.problem) }}
{%- endmacro %}


{#- What is wrong with a line by itself and the remedy, or none. -#}
{% macro problem_of_line(seed, line) -%}
    {%- set problem = namespace(text=none) -%}
    {%- if seed == 'attribute_registry' -%}
        {%- set purposes = participant_purposes() -%}
        {%- if not line.name -%}
            {%- set problem.text = "name is empty; give the attribute's exact name" -%}
        {%- elif problem_of_column(line) -%}
            {%- set problem.text = problem_of_column(line) -%}
        {%- elif line.column_name in participant_keys() -%}
            {%- set problem.text = "column_name '" ~ line.column_name
                ~ "' is a column that the dimension has already; choose another" -%}
        {%- elif line.participant_purpose and line.participant_purpose not in purposes -%}
            {%- set problem.text = "participant_purpose '" ~ line.participant_purpose
                ~ "' is unknown; leave it empty for all, or use one of " ~ purposes | join(', ') -%}
        {%- elif not modules.re.fullmatch('[1-9][0-9]?', line.precedence or '1') -%}
            {%- set problem.text = "precedence '" ~ line.precedence
                ~ "' is no rank; use 1 to 99, or leave it empty for 1" -%}
        {%- elif line.is_pii | lower not in ['true', 'false'] -%}
            {%- set problem.text = "is_pii '" ~ line.is_pii ~ "' is unclear; use true or false" -%}
        {%- elif line.default_value and not modules.re.fullmatch(
            attribute_types()[line.data_type].pattern, line.default_value
        ) -%}
            {%- set problem.text = "default_value '" ~ line.default_value ~ "' is no "
                ~ line.data_type ~ "; correct it or leave it empty for null" -%}
        {%- endif -%}
    {%- elif seed in ('flow_outcome_aliases', 'expected_flow_outcomes') -%}
        {%- for column, value in line.items() -%}
            {%- if not value and not problem.text -%}
                {%- set problem.text = column ~ " is empty; fill it in or remove the line" -%}
            {%- endif -%}
        {%- endfor -%}
    {%- elif seed == 'interaction_columns' -%}
        {%- if not modules.re.fullmatch('[1-9][0-9]{0,5}', line.version) -%}
            {%- set problem.text = "version '" ~ line.version
                ~ "' is no version; use 1, 2, 3 and so on" -%}
        {%- elif not modules.re.fullmatch('[A-Za-z][A-Za-z0-9.]{0,100}', line.source_column) -%}
            {%- set problem.text = "source_column '" ~ line.source_column
                ~ "' is no column of the export; name one exactly, * is not accepted" -%}
        {%- else -%}
            {%- set problem.text = problem_of_column(line) -%}
        {%- endif -%}
    {%- elif seed == 'journey_states' -%}
        {%- if not modules.re.fullmatch('[A-Z_]+', line.state) -%}
            {%- set problem.text = "state '" ~ line.state
                ~ "' is no state; write it as Genesys does, in capitals" -%}
        {%- elif line.is_kept | lower not in ['true', 'false'] -%}
            {%- set problem.text = "is_kept '" ~ line.is_kept ~ "' is unclear; use true or false" -%}
        {%- endif -%}
    {%- elif seed == 'metric_dictionary' -%}
        {%- set problem.text = problem_of_metric(line) -%}
    {%- elif seed == 'pii_policy' -%}
        {%- set columns = personal_columns() -%}
        {%- set treatments = ['keep', 'hash', 'drop'] -%}
        {%- if line.model_name not in columns -%}
            {%- set problem.text = "model_name '" ~ line.model_name
                ~ "' is no mart with personal columns; use one of " ~ columns.keys() | join(', ') -%}
        {%- elif line.column_name not in columns[line.model_name] -%}
            {%- set problem.text = "column_name '" ~ line.column_name ~ "' is no personal column of "
                ~ line.model_name ~ "; use one of " ~ columns[line.model_name] | join(', ') -%}
        {%- elif line.treatment not in treatments -%}
            {%- set problem.text = "treatment '" ~ line.treatment ~ "' is unknown; use one of "
                ~ treatments | join(', ') -%}
        {%- elif line.treatment == 'drop'
            and line.model_name ~ '.' ~ line.column_name in personal_keys() -%}
            {%- set problem.text = line.model_name ~ "." ~ line.column_name
                ~ " is never null and cannot be dropped; use keep or hash" -%}
        {%- endif -%}
    {%- elif seed == 'service_levels' -%}
        {%- set problem.text = problem_of_service_level(line) -%}
    {%- elif seed == 'business_hours' -%}
        {%- set problem.text = problem_of_hours(line) -%}
    {%- endif -%}
    {{ return(problem.text) }}
{%- endmacro %}


{#- The same of the name and the type of a column. -#}
{% macro problem_of_column(line) -%}
    {%- set types = attribute_types() -%}
    {%- if not modules.re.fullmatch('[a-z][a-z0-9_]{0,62}', line.column_name) -%}
        {{ return(
            "column_name '" ~ line.column_name ~ "' is no column name; "
            ~ "use lower case letters, digits and _, a letter first, 63 at most"
        ) }}
    {%- elif line.data_type not in types -%}
        {{ return(
            "data_type '" ~ line.data_type ~ "' is unknown; use one of " ~ types.keys() | join(', ')
        ) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}


{#- The same of a line of the metric dictionary. -#}
{% macro problem_of_metric(line) -%}
    {%- set aggregations = ['sum', 'min', 'max', 'ratio', 'none'] -%}
    {%- set units = ['count', 'seconds', 'share', 'score', 'number'] -%}
    {%- for column in ['mart', 'metric_name', 'label', 'definition'] if not line[column] -%}
        {{ return(column ~ " is empty; fill it in or remove the line") }}
    {%- endfor -%}
    {%- if line.unit not in units -%}
        {{ return("unit '" ~ line.unit ~ "' is unknown; use one of " ~ units | join(', ')) }}
    {%- elif line.aggregation not in aggregations -%}
        {{ return("aggregation '" ~ line.aggregation ~ "' is unknown; use one of "
            ~ aggregations | join(', ')) }}
    {%- elif line.aggregation == 'ratio' and not (line.numerator and line.denominator) -%}
        {{ return("a ratio needs numerator and denominator; give both as expressions of columns") }}
    {%- elif line.aggregation != 'ratio' and line.denominator -%}
        {{ return("denominator is given, but aggregation is '" ~ line.aggregation
            ~ "'; use ratio or leave it empty") }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}


{#- The columns that dim_participant_attributes has without the registry. -#}
{% macro participant_keys() -%}
    {{ return(['conversation_id', 'participant_id', 'participant_purpose', 'loaded_at']) }}
{%- endmacro %}


{#- What is wrong with a line of the registry beside those before it, which `taken` holds: one
    attribute has one line for a purpose, and lines that feed one column agree but for their rank. -#}
{% macro problem_among_attributes(number, line, taken) -%}
    {%- set column = ('rank', line.column_name, line.precedence or '1') -%}
    {%- set name = ('name', line.name, line.participant_purpose) -%}
    {%- set meaning = (line.data_type, line.default_value, line.is_pii | lower) -%}
    {%- set first = taken.get(('column', line.column_name)) -%}
    {%- set problem = namespace(text=none) -%}
    {%- if column in taken -%}
        {%- set problem.text = "column_name '" ~ line.column_name ~ "' is taken by line "
            ~ taken[column] ~ "; choose another, or give this line a precedence of "
            ~ "its own if both attributes should feed one column" -%}
    {%- elif first and first[1] != meaning -%}
        {%- set problem.text = "column_name '" ~ line.column_name ~ "' has another data_type, "
            ~ "default_value or is_pii in line " ~ first[0] ~ "; make them equal" -%}
    {%- elif name in taken -%}
        {%- set problem.text = "name '" ~ line.name ~ "' is registered for this participant "
            ~ "purpose in line " ~ taken[name] ~ "; remove one of the two" -%}
    {%- endif -%}
    {%- do taken.update({column: number, name: number}) -%}
    {%- do taken.setdefault(('column', line.column_name), (number, meaning)) -%}
    {{ return(problem.text) }}
{%- endmacro %}


{#- What a seed lacks although every line is right, and the remedy, or none. -#}
{% macro missing_line(seed, taken) -%}
    {%- if seed == 'pii_policy' -%}
        {%- for model_name, columns in personal_columns().items() -%}
            {%- for column_name in columns -%}
                {%- if model_name ~ '\n' ~ column_name not in taken -%}
                    {{ return(
                        model_name ~ "." ~ column_name
                        ~ " has no line; add one with keep, hash or drop"
                    ) }}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}


{#- What is wrong with a line of service_levels by itself and the remedy, or none. -#}
{% macro problem_of_service_level(line) -%}
    {%- set media_types = ['callback', 'chat', 'email', 'internalmessage', 'message', 'voice'] -%}
    {%- if not line.queue_id -%}
        {{ return("queue_id is empty; give a queue's id, or * for all others") }}
    {%- elif line.media_type not in media_types -%}
        {{ return(
            "media_type '" ~ line.media_type ~ "' is unknown; use one of " ~ media_types | join(', ')
        ) }}
    {%- elif not modules.re.fullmatch('[1-9][0-9]{0,7}', line.seconds) -%}
        {{ return("seconds '" ~ line.seconds ~ "' are no whole seconds; use 20, 86400 and so on") }}
    {%- elif not modules.re.fullmatch('1|1[.]0|0[.](?!0+$)[0-9]{1,4}', line.share) -%}
        {{ return(
            "share '" ~ line.share ~ "' is no share; use 0.8 for 80 %, up to four decimals"
        ) }}
    {%- elif not modules.re.fullmatch('|[1-9][0-9]{0,7}', line.short_abandon_seconds) -%}
        {{ return(
            "short_abandon_seconds '" ~ line.short_abandon_seconds
            ~ "' are no whole seconds; leave them empty to go by Genesys' own"
        ) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}


{#- The same of business_hours. -#}
{% macro problem_of_hours(line) -%}
    {%- set is_closed = not line.opens and not line.closes -%}
    {%- if not line.queue_id -%}
        {{ return("queue_id is empty; give a queue's id, or * for all others") }}
    {%- elif line.day not in weekdays() and not modules.re.fullmatch(
        attribute_types().date.pattern, line.day
    ) -%}
        {{ return(
            "day '" ~ line.day ~ "' is unknown; use one of " ~ weekdays() | join(', ')
            ~ ", or a date as 2026-12-25"
        ) }}
    {%- elif is_closed and line.day in weekdays() -%}
        {{ return(
            "opens and closes are empty; fill them in, or remove the line: a weekday without one "
            ~ "is closed"
        ) }}
    {%- elif not is_closed and not modules.re.fullmatch('(?:[01][0-9]|2[0-3]):[0-5][0-9]', line.opens)
    -%}
        {{ return("opens '" ~ line.opens ~ "' is no time; use 08:00, 13:30 and so on") }}
    {%- elif not is_closed and not modules.re.fullmatch(
        '(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00', line.closes
    ) -%}
        {{ return("closes '" ~ line.closes ~ "' is no time; use 18:00, or 24:00 for midnight") }}
    {%- elif not is_closed and line.closes <= line.opens -%}
        {{ return(
            "it closes at " ~ line.closes ~ ", not after it opens; hours beyond midnight are two "
            ~ "lines, to 24:00 and from 00:00"
        ) }}
    {%- elif line.time_zone and line.time_zone not in modules.pytz.all_timezones_set -%}
        {{ return(
            "time_zone '" ~ line.time_zone ~ "' is unknown; use an IANA name as Europe/Berlin, or "
            ~ "leave it empty for report_time_zone"
        ) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}


{#- The days of the week as business_hours names them, in the order of ISO 8601. -#}
{% macro weekdays() -%}
    {{ return(
        ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']
    ) }}
{%- endmacro %}
