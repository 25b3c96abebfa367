"""Each macro of macros/cross_db by inputs and right answers, on every engine that runs here.

What an engine or its emulator answers otherwise stands in DIFFERENT, with the reason.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest

from tests.engines.engines import Query
from tests.engines.macros import Macros

ENGINES = ["duckdb", "postgres", "spark", "snowflake", "bigquery"]
Answers = list[tuple[Any, Any]]


@dataclass(frozen=True)
class Case:
    """A macro's expression over a column x.

    Attributes:
        expression: Jinja of it, in which macros are called.
        answers: pairs of x and what is right for it.
        x: what x is made from its text by, Jinja.
        cast: what the answer is cast to, where drivers differ.
    """

    expression: str
    answers: Answers
    x: str = "given.x"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


JSON = "{{ json_parse('given.x') }}"
TIME = "cast(given.x as timestamp)"
RECORD = '{"s":"a\\"b","n":12,"t":true,"z":null,"o":{"k":"v"},"l":["b",null,"a"],"e":[],"d.t":"x"}'

# Name of a case, its macro, and what it answers of some values under "v".
NODES: list[tuple[str, str, list[tuple[str, Any]]]] = [
    (
        "key_count",
        "key_count(NODE)",
        [('{"a":1,"b":2}', 2), ("{}", 0), ("[1]", None), ('"s"', None)],
    ),
    ("array_size", "array_size(NODE)", [("[1,null]", 2), ("[]", 0), ('{"a":1}', None)]),
    (
        "array_first",
        "array_end(NODE, 'first')",
        [('["a","b"]', "a"), ("[]", None), ('"s"', None)],
    ),
    (
        "array_last",
        "array_end(NODE, 'last')",
        [('["a","b"]', "b"), ("[]", None), ("[7]", "7")],
    ),
    (
        "array_text",
        "array_text(NODE)",
        [('["b","B","a",null]', "B,a,b"), ("[]", None), ('[""]', "")],
    ),
    ("value_text", "value_text(NODE)", [('"a\\"b"', 'a"b'), ("12", "12")]),
]

CASES = {
    "matches": Case(
        "case when {{ matches('x', '[a-c]+|d.') }} then 1 else 0 end",
        [("abc", 1), ("abcd", 0), ("xabc", 0), ("dz", 1), ("abc\n", 0), ("", 0), (None, 0)],
    ),
    "try_number": Case(
        "{{ try_number('x') }}",
        [
            (" 12.50 ", 12.5),
            ("-7", -7),
            ("+7", 7),
            ("1_000", None),
            ("1e3", None),
            ("0x1F", None),
            ("", None),
            ("infinity", None),
            ("9" * 28, int("9" * 28)),
            ("9" * 29, None),
            (None, None),
        ],
    ),
    "try_boolean": Case(
        "case {{ try_boolean('x') }} when true then 1 when false then 0 end",
        [("TRUE", 1), (" y ", 1), ("0", 0), ("no", 0), ("on", None), ("", None), (None, None)],
    ),
    "try_date": Case(
        "{{ try_date('x') }}",
        [
            ("2026-02-28", date(2026, 2, 28)),
            ("2026-2-8", date(2026, 2, 8)),
            ("2026-02-29", None),
            ("2024-02-29", date(2024, 2, 29)),
            ("2026-01-01T23:30:00-02:00", date(2026, 1, 2)),
            ("28.02.2026", None),
            ("0001-01-01", None),
            (None, None),
        ],
    ),
    "try_timestamp": Case(
        "{{ try_timestamp('x') }}",
        [
            ("2026-01-02T03:04:05.123Z", at("2026-01-02 03:04:05.123")),
            ("2026-1-2 03:04", at("2026-01-02 03:04:00")),
            ("2026-01-02T03:04:05.1234567890Z", None),
            ("2026-01-02T03:04:05.123456789z", at("2026-01-02 03:04:05.123456")),
            ("2026-01-02T03:04:05+02:00", at("2026-01-02 01:04:05")),
            ("2026-01-02T03:04:05-0530", at("2026-01-02 08:34:05")),
            ("2026-01-02T03:04+01", at("2026-01-02 02:04:00")),
            ("2026-01-02", at("2026-01-02 00:00:00")),
            ("2026-02-30T00:00:00Z", None),
            ("2026-01-02T24:00:00Z", None),
            ("epoch", None),
            ("99999-01-01T00:00:00Z", None),
            ("", None),
            (None, None),
        ],
    ),
    "try_bigint": Case(
        "{{ try_bigint('x') }}",
        [
            ("12", 12),
            ("-3.0", -3),
            ("2.5", 3),
            ("-2.5", -3),
            ("+4", 4),
            ("1.499", 1),
            ("999999999999999", 999999999999999),
            ("abc", None),
            ("", None),
            (None, None),
        ],
    ),
    "try_double": Case(
        "{{ try_double('x') }}",
        [
            ("1.25", 1.25),
            ("-1e-3", -0.001),
            ("+2E2", 200.0),
            ("NaN", None),
            ("infinity", None),
            ("1_000", None),
            (" 1", None),
            ("", None),
            (None, None),
        ],
    ),
    "milliseconds_from_seconds": Case(
        "{{ milliseconds_from_seconds('x') }}",
        [
            ("1.2345", 1235),
            ("0.0004", 0),
            ("1.5E-3", 2),
            ("-2", -2000),
            ("60", 60000),
            ("x", None),
            ("123456789012.123", 123456789012123),
            (None, None),
        ],
    ),
    "ratio": Case(
        "{{ ratio('cast(x as numeric)', '3') }}", [("1", 1 / 3), ("0", 0.0), (None, None)]
    ),
    "ratio_of_nothing": Case("{{ ratio('1', 'cast(x as numeric)') }}", [("0", None), ("-1", None)]),
    "sha256_hex": Case(
        "{{ sha256_hex('x') }}", [("a", sha("a")), ("ä€", sha("ä€")), ("", sha("")), (None, None)]
    ),
    "sha256_hex_list": Case(
        "{{ sha256_hex_list('x', \"('salt' || '!')\") }}",
        [
            ("b,a", ",".join(sorted([sha("salt!a"), sha("salt!b")]))),
            ("a", sha("salt!a")),
            ("a,", ",".join(sorted([sha("salt!a"), sha("salt!")]))),
        ],
    ),
    "timestamp_from_epoch_text": Case(
        "{{ timestamp_from_epoch_text('x') }}",
        [
            ("1790003600.0000019", at("2026-09-21 15:13:20.000001")),
            ("1790003600", at("2026-09-21 15:13:20")),
            ("abc", None),
            (None, None),
        ],
    ),
    "milliseconds_between": Case(
        "{{ milliseconds_between(\"cast('2026-01-01 00:00:00.0009' as timestamp)\", 'x') }}",
        [
            ("2026-01-01 00:00:01.9999", 1999),
            ("2025-12-31 23:59:59.5", -500),
            ("2026-02-01 00:00:00", 2678400000),
            (None, None),
        ],
        x=TIME,
    ),
    "later": Case(
        "{{ later('x', 250, 'millisecond') }}",
        [("2026-01-01 00:00:00.9", at("2026-01-01 00:00:01.150")), (None, None)],
        x=TIME,
    ),
    "later_by_a_column": Case(
        "{{ later(\"cast('2026-01-31 00:00:00' as timestamp)\", 'cast(x as bigint)', 'second') }}",
        [("90", at("2026-01-31 00:01:30")), ("-1", at("2026-01-30 23:59:59")), (None, None)],
    ),
    "later_date": Case(
        "cast({{ later('cast(x as date)', 1, 'day') }} as date)",
        [("2026-02-28", date(2026, 3, 1)), (None, None)],
    ),
    "day_started_at": Case(
        "{{ period_started_at('x', 'Europe/Berlin') }}",
        [
            ("2026-01-01 22:59:59", at("2025-12-31 23:00:00")),
            ("2026-01-01 23:00:00", at("2026-01-01 23:00:00")),
            ("2026-03-29 12:00:00", at("2026-03-28 23:00:00")),
            ("2026-10-25 12:00:00", at("2026-10-24 22:00:00")),
        ],
        x=TIME,
    ),
    "first_of_two_midnights": Case(
        "{{ period_started_at('x', 'Atlantic/Azores') }}",
        [
            ("2026-10-25 00:30:00", at("2026-10-25 00:00:00")),
            ("2026-10-25 01:30:00", at("2026-10-25 00:00:00")),
            ("2026-10-24 23:30:00", at("2026-10-24 00:00:00")),
        ],
        x=TIME,
    ),
    "next_month_started_at": Case(
        "{{ period_started_at('x', 'America/New_York', 'month', 1) }}",
        [
            ("2026-03-01 04:59:00", at("2026-03-01 05:00:00")),
            ("2026-03-01 05:00:00", at("2026-04-01 04:00:00")),
        ],
        x=TIME,
    ),
    "date_started_at": Case(
        "{{ date_started_at('cast(x as date)', 'Europe/Berlin') }}",
        [("2026-07-01", at("2026-06-30 22:00:00")), ("2026-01-01", at("2025-12-31 23:00:00"))],
    ),
    "local_date": Case(
        "{{ local_date('x', 'Asia/Kolkata') }}",
        [("2026-01-01 18:29:59", date(2026, 1, 1)), ("2026-01-01 18:30:00", date(2026, 1, 2))],
        x=TIME,
    ),
    "local_minute": Case(
        "{{ local_minute('x', 'Asia/Kolkata') }}",
        [("2026-01-01 18:29:59", 1439), ("2026-01-01 18:30:00", 0)],
        x=TIME,
    ),
    "weekday_number": Case(
        "{{ weekday_number('cast(x as date)') }}",
        [("2026-01-05", 1), ("2026-01-10", 6), ("2026-01-11", 7)],
    ),
    "stretch_started_at": Case(
        "{{ stretch_started_at('x', \"cast('2026-01-01 00:00:00' as timestamp)\", 60) }}",
        [
            ("2026-01-01 00:59:59.999", at("2026-01-01 00:00:00")),
            ("2026-01-01 01:00:00", at("2026-01-01 01:00:00")),
            ("2025-12-31 23:59:59.999", at("2025-12-31 23:00:00")),
        ],
        x=TIME,
    ),
    "iso_text": Case(
        "{{ iso_text('x') }}",
        [
            ("2026-01-02 03:04:05.0079", "2026-01-02T03:04:05.007Z"),
            ("2026-01-02 03:04:05", "2026-01-02T03:04:05.000Z"),
        ],
        x=TIME,
    ),
    "seconds_text": Case(
        "{{ seconds_text('x') }}",
        [("300", "300.000"), ("-0.5", "-0.500"), ("1.25", "1.250"), (None, None)],
        x="cast(given.x as {{ sql_type('numeric(18, 3)') }})",
    ),
    "json_string": Case(
        "{{ json_string('x') }}",
        [('a"b\\c', '"a\\"b\\\\c"'), ("ä/\t", '"ä/\\t"'), ("", '""'), (None, "null")],
    ),
    "json_without_nul": Case(
        "{{ json_text('x', 'a') }}",
        [
            ('{"a":"b\\u0000c"}', "bc"),
            ('{"a":"\\u0000"}', ""),
            ('{"a":"b\\\\u0000c"}', "b\\u0000c"),
        ],
        x=JSON,
    ),
    "json_text": Case(
        "{{ json_text('x', 'o.k') }}", [(RECORD, "v"), ('{"o":1}', None), ("{}", None)], x=JSON
    ),
    **{
        f"json_field_{name}": Case(
            f"{{{{ json_field(json_record('x', ['{name}']), '{name}') }}}}",
            [(RECORD, answer)],
            x=JSON,
        )
        for name, answer in {
            "s": 'a"b',
            "n": "12",
            "t": "true",
            "z": None,
            "o": '{"k":"v"}',
            "absent": None,
            "d.t": "x",
        }.items()
    },
    "json_node_field": Case(
        "{{ json_text(json_node_field(json_record('x', [], nodes=['o']), 'o'), 'k') }}",
        [(RECORD, "v"), ('{"o":null}', None), ("{}", None)],
        x=JSON,
    ),
    **{
        f"json_{name}": Case(
            f"{{{{ json_{macro} }}}}".replace(
                "NODE", "json_node_field(json_record('x', [], nodes=['v']), 'v')"
            ),
            [(f'{{"v":{value}}}', answer) for value, answer in answers] + [("{}", None)],
            x=JSON,
        )
        for name, macro, answers in NODES
    },
    "json_size": Case(
        "case when {{ json_size('x') }} between 8 and 20 then 1 else 0 end",
        [('{"a":"bcd"}', 1), ('{"a":"bcdbcdbcdbcdbcd"}', 0)],
        x=JSON,
    ),
}

# A macro that stands after `from`: what is selected, the relation, each x with its rows in order.
RELATIONS = {
    "json_array_elements": (
        "given.n, {{ json_value_text('e.value') }}, e.position",
        "{{ json_array_elements('given', 'given.x', 'e') }}",
        JSON,
        {'["b","a"]': [("b", 1), ("a", 2)], "[]": [], '{"a":1}': [], "null": []},
    ),
    "json_object_entries": (
        "given.n, e.key, e.value",
        "{{ json_object_entries('given', 'given.x', 'e') }}",
        JSON,
        {
            '{"a b":"x","q\\"é.":"y","z":null,"o":{"k":[1]}}': [
                ("a b", "x"),
                ("o", '{"k":[1]}'),
                ('q"é.', "y"),
                ("z", None),
            ],
            "[1]": [],
            "{}": [],
        },
    ),
    "json_part_entries": (
        "given.n, e.key, e.value",
        "{{ json_part_entries('given', 'given.x', 'e') }}",
        "{{ json_part('given.x', 'p.q') }}",
        {
            '{"p":{"q":{"a":"b\\u0000c","n":7}}}': [("a", "bc"), ("n", "7")],
            '{"p":{}}': [],
            "{}": [],
        },
    ),
    "listed_keys": (
        "given.n, e.key",
        "{{ listed_keys('given', 'given.x', 'e') }}",
        "{{ json_key_list('given.x') }}",
        {'{"b":1,"a c":2}': [("a c",), ("b",)], "[]": [], '{"a":{"b":1}}': [("a",)]},
    ),
    "steps_between": (
        "given.n, given.s",
        "{{ steps_between('given', 'given.x', \"cast('2026-01-01 01:00:00' as timestamp)\","
        " '15 minutes', 's') }}",
        TIME,
        {
            "2026-01-01 00:15:00": [
                (at("2026-01-01 00:15:00"),),
                (at("2026-01-01 00:30:00"),),
                (at("2026-01-01 00:45:00"),),
                (at("2026-01-01 01:00:00"),),
            ],
            "2026-01-01 00:45:01": [(at("2026-01-01 00:45:01"),)],
            "2026-01-01 01:00:01": [],
        },
    ),
}

# An aggregate: its expression, and lists of x with what is right for them.
AGGREGATES: dict[str, tuple[str, list[tuple[Any, Any]]]] = {
    "boolean_any": (
        "case when {{ boolean_any(\"given.x = 'a'\") }} then 1 else 0 end",
        [(["a", "b"], 1), (["b", None], 0)],
    ),
    "text_list": (
        "{{ text_list('given.x') }}",
        [(["b", "a", None, "b", "B"], "B,a,b"), ([None, None], None)],
    ),
    "json_array_agg_text": (
        "{{ json_array_agg_text('given.x', 'given.m desc') }}",
        [(["1", None, '"b"'], '["b",1]'), ([None], "[]")],
    ),
    "smallest_by_code_point": (
        "min({{ by_code_point('given.x') }})",
        [(["b", "B", "a"], "B"), (["ä", "z"], "z")],
    ),
}

# Where an engine gives another answer, by its name, the macro and x, with the reason. An emulator's
# is its own; the engine is asked by `loader check-warehouse`.
DIFFERENT: dict[tuple[str, str], tuple[set[str | None], str]] = {
    ("postgres", "json_field_o"): ({RECORD}, "jsonb spells an object with blanks"),
    ("postgres", "json_object_entries"): (
        {'{"a b":"x","q\\"é.":"y","z":null,"o":{"k":[1]}}'},
        "jsonb spells an object with blanks",
    ),
    ("snowflake", "json_array_elements"): ({'{"a":1}'}, "fakesnow's flatten does not look at mode"),
    ("snowflake", "json_array_last"): (
        {'{"v":["a","b"]}'},
        "fakesnow keeps the quotes of an element whose number is computed",
    ),
    ("snowflake", "json_object_entries"): ({"[1]"}, "fakesnow's flatten does not look at mode"),
}


def right_answers(engine: str, name: str, answers: Any) -> Any:  # noqa: ANN401 - pairs, or a dict
    """Return the answers without those that the engine is known to give otherwise."""
    inputs, _reason = DIFFERENT.get((engine, name), (set(), ""))
    if isinstance(answers, dict):
        return {x: rows for x, rows in answers.items() if x not in inputs}
    return [(x, right) for x, right in answers if x not in inputs]


def rendered(engine: str, text: str) -> str:
    """Return SQL in which macros were called."""
    return Macros(engine).render(text)


def given(engine: str, texts: list[str | None]) -> str:
    """Return the query of a table of texts: n from 1, x."""
    macros = Macros(engine)
    kind = macros("sql_type", "text")
    return " union all ".join(
        f"select {number} as n,"
        f" cast({'null' if x is None else macros('text_literal', x)} as {kind}) as x"
        for number, x in enumerate(texts, 1)
    )


@pytest.fixture(
    params=[pytest.param(engine, marks=pytest.mark.xdist_group(engine)) for engine in ENGINES]
)
def engine(request: pytest.FixtureRequest) -> tuple[str, Query]:
    return request.param, request.getfixturevalue(f"{request.param}_asked")


def same(found: Any, right: Any) -> bool:  # noqa: ANN401 - whatever SQL returns
    if isinstance(right, float) and found is not None:
        return abs(float(found) - right) <= 1e-12 * max(1, abs(right))
    return bool(found == right)


@pytest.mark.parametrize("name", CASES)
def test_expression(engine: tuple[str, Query], name: str) -> None:
    engine_name, ask = engine
    case = CASES[name]
    answers = right_answers(engine_name, name, case.answers)
    if not answers:
        pytest.skip("each of its answers is listed as the engine's own")
    sql = (
        f"with given as ({given(engine_name, [x for x, _ in answers])}),"
        f" made as (select given.n, {rendered(engine_name, case.x)} as x from given)"
        f" select n, {rendered(engine_name, case.expression)} as y from made order by n"
    )
    found = [y for _, y in ask(sql)]
    wrong = [
        (x, y, right) for (x, right), y in zip(answers, found, strict=True) if not same(y, right)
    ]
    assert not wrong, sql


@pytest.mark.parametrize("name", RELATIONS)
def test_relation(engine: tuple[str, Query], name: str) -> None:
    engine_name, ask = engine
    selected, relation, x, every = RELATIONS[name]
    answers = right_answers(engine_name, name, every)
    sql = (
        f"with texts as ({given(engine_name, list(answers))}),"
        f" given as (select texts.n, {rendered(engine_name, x).replace('given.x', 'texts.x')} as x"
        f" from texts) select {rendered(engine_name, selected)}"
        f" from {rendered(engine_name, relation)}"
    )
    found: dict[int, list[tuple[Any, ...]]] = {}
    for number, *values in ask(sql):
        found.setdefault(number, []).append(tuple(values))
    for number, (text, rows) in enumerate(answers.items(), 1):
        got = found.get(number, [])
        in_order = (
            sorted(got, key=lambda row: row[-1]) if name == "json_array_elements" else sorted(got)
        )
        assert in_order == rows, (text, sql)


@pytest.mark.parametrize("name", AGGREGATES)
def test_aggregate(engine: tuple[str, Query], name: str) -> None:
    engine_name, ask = engine
    expression, answers = AGGREGATES[name]
    for texts, right in answers:
        table = re.sub(r"\bas n\b", "as m", given(engine_name, texts))
        sql = f"with given as ({table}) select {rendered(engine_name, expression)} as y from given"
        assert ask(sql) == [(right,)], sql
