"""What MetricFlow computes of the metrics: the same as SQL on the marts, day by day."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.semantic_manifest import SemanticManifest

from loader.commands.metrics import engine_of, sql_of
from loader.errors import SettingsError
from loader.seeds import FOLDER, read_seed
from tests.transform.packed import Packed
from tests.transform.warehouses import Row, target
from tests.unit.test_metrics import DEFINED

if TYPE_CHECKING:
    from metricflow.engine.metricflow_engine import MetricFlowEngine

# The day that each mart's numbers are of.
DAYS = {
    "fct_queue_visits": "entered_date",
    "fct_interactions": "started_date",
    "fct_flow_executions": "started_date",
    "fct_journey_steps": "started_date",
    "fct_conversation_evaluations": "evaluated_date",
    "fct_conversation_surveys": "surveyed_date",
}
# Those that hold everything once per kind of interval.
OF_KINDS = ("fct_queue_intervals", "fct_agent_intervals", "fct_flow_outcomes")
FORMULAS = {
    f"{line['mart']}.{line['metric_name']}": (
        f"cast(sum({line['numerator']}) as double precision)"
        f" / nullif(sum({line['denominator']}), 0)"
        if line["aggregation"] == "ratio"
        else f"sum({line['numerator'] or line['metric_name']})"
    )
    for line in read_seed(FOLDER, "metric_dictionary")
}


@pytest.fixture(scope="session")
def engine(packed: Packed, tmp_path_factory: pytest.TempPathFactory) -> "MetricFlowEngine":
    """Return MetricFlow's engine for what dbt has parsed to build the warehouse."""
    warehouse = packed.warehouse
    parsed = Manifest.from_msgpack((target(warehouse) / "partial_parse.msgpack").read_bytes())
    folder = tmp_path_factory.mktemp("metrics")
    SemanticManifest(parsed).write_json_to_file(str(folder / "semantic_manifest.json"))
    return engine_of(folder / "semantic_manifest.json", warehouse.name)


def by_day(rows: list[Row], names: list[str]) -> Mapping[tuple[date, str], float]:
    """Return the numbers that are known, by day and name."""
    numbers = {}
    for day, *values in rows:
        for name, value in zip(names, values, strict=True):
            if day is not None and value is not None:
                plain = day.date() if isinstance(day, datetime) else day
                numbers[plain, name] = round(float(value), 6)
    return numbers


def metrics_by_mart() -> dict[str, dict[str, str]]:
    """Return the keys of the dictionary by the metrics' names, of each mart."""
    marts: dict[str, dict[str, str]] = {}
    for name, (key, *_) in DEFINED.items():
        marts.setdefault(key.split(".")[0], {})[name] = key
    return marts


def test_every_metric_is_what_sql_on_its_mart_says(
    packed: Packed, engine: "MetricFlowEngine"
) -> None:
    known: set[str] = set()
    with packed.warehouse.open():
        for mart, keys in metrics_by_mart().items():
            names = list(keys)
            by_metricflow = packed.warehouse.execute(sql_of(engine, names, ["metric_time__day"]))
            day = DAYS.get(mart, "report_date")
            formulas = ", ".join(FORMULAS[key] for key in keys.values())
            kind = "where interval_kind = 'day'" if mart in OF_KINDS else ""
            by_sql = packed.warehouse.execute(
                f"select {day}, {formulas} from genesys_marts.{mart} {kind} group by {day}"
            )
            assert by_day(by_metricflow, names) == by_day(by_sql, names), mart
            known.update(name for _, name in by_day(by_sql, names))
    # Most have numbers in these scenarios.
    assert len(known) > 50, known


def test_queues_are_told_by_their_names(packed: Packed, engine: "MetricFlowEngine") -> None:
    sql = sql_of(
        engine,
        ["offered_count"],
        ["queue__queue_name", "metric_time__month"],
        where=["{{ Dimension('queue_day__media_type') }} = 'voice'"],
        order=["-offered_count", "queue__queue_name", "metric_time__month"],
        start=datetime(2020, 1, 1),  # noqa: DTZ001 - a day, wherever
        end=datetime(2030, 1, 1),  # noqa: DTZ001
        limit=3,
    )
    rows = packed.warehouse.execute(sql)
    expected = packed.warehouse.execute(
        "select queue_name, sum(offered_count) from genesys_marts.fct_queue_intervals"
        " inner join genesys_marts.dim_queues using (queue_id)"
        " where interval_kind = 'day' and media_type = 'voice'"
        " group by queue_name, date_trunc('month', report_date)"
        " order by 2 desc nulls last, 1, date_trunc('month', report_date) limit 3"
    )
    assert [(name, count) for name, _, count in rows] == expected != []


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (
            {"metrics": ["servce_level"]},
            r"'servce_level' is unknown \(did you mean service_level\?\); ",
        ),
        ({"metrics": ["zzz"]}, "metric 'zzz' is unknown; `make metrics` lists all"),
        ({"group_by": ["agent__user_name"]}, "'agent__user_name' is unknown.* queue__queue_name"),
        ({"order": ["-aht_seconds"]}, "order 'aht_seconds' is unknown; it is of service_level"),
        (
            {"where": ["{{ Dimension('queue__nam') }} = 1"]},
            "--where is not understood; a condition",
        ),
        ({"limit": -1}, "MetricFlow does not take it: .* limit -1 is not >= 0"),
        ({"where": ["{{ Dimension( }}"]}, "--where is not understood; a condition is as"),
    ],
)
def test_a_wrong_name_is_said_in_one_line(
    engine: "MetricFlowEngine", asked: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem) as error:
        sql_of(engine, **{"metrics": ["service_level"], **asked})
    assert "\n" not in str(error.value)
