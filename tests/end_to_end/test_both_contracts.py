"""One organisation through both contracts: equal marts in all that both define, on both engines.

Every column of every mart is compared, duplicates counted, but those the tables of DECISIONS list:
what one contract cannot know, and why. All four warehouses are put into one DuckDB, schema by
schema, so that a comparison is one statement.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser

from loader.resources.guides.intervals import METRICS
from tests.harness.place import Place
from tests.harness.postgres import PostgresDatabase, PostgresServer
from tests.report.browser import visit
from tests.report.pages import rows_of, tables_of, written
from tests.sandbox.process import SandboxProcess, running_sandbox
from tests.transform.warehouses import (
    MODELS_AND_SEEDS,
    PROJECT,
    ROOT,
    DuckDBWarehouse,
    PostgresWarehouse,
    Warehouse,
    dbt,
    project_with_registry,
    set_seed,
)

# One process loads and builds for all of them.
pytestmark = [pytest.mark.xdist_group("both contracts"), pytest.mark.slow]

SETTINGS = {
    "ELT_START": "2026-03-14",
    "ELT_WINDOW_HOURS": "72",
    "GENESYS_REQUESTS_PER_MINUTE": "100000",
    "GENESYS_REPORT_METRICS": ",".join(METRICS),
}
FIRST_DAY = "2026-03-14T18:00:00Z"
# Everything has ended, was corrected and is served by both.
LATER = "2026-03-30T06:00:00Z"
END = "2026-03-20T00:00:00Z"
# When rows were loaded, and by which rules, is each warehouse's own.
OWN = {"loaded_at", "extracted_at", "rules_version"}
# When a document was made, which it tells itself.
EXTRACTED = "extractionTimestampUTC"

MARTS = sorted(
    path.stem for path in PROJECT.glob("models/marts/*/*.yml") if not path.stem.startswith("audit_")
)


@dataclass
class Exceptions:
    """What DECISIONS says of one mart.

    Attributes:
        unknown: columns that are null by a contract, by its name.
        in_part: columns that are null or equal by a contract, by its name.
        otherwise: columns that are not compared: each contract means something else.
        keys: of a JSON document, what is not compared.
        rows: the condition of the rows that are compared.
        summed_over: the column that rows are added up over.
    """

    unknown: dict[str, set[str]] = field(default_factory=dict)
    in_part: dict[str, set[str]] = field(default_factory=dict)
    otherwise: set[str] = field(default_factory=set)
    keys: list[str] = field(default_factory=lambda: [EXTRACTED])
    rows: str = "true"
    summed_over: str | None = None


def exceptions() -> Mapping[str, Exceptions]:
    """Read the two tables of DECISIONS: which columns and which rows are left out."""
    text = (ROOT / "DECISIONS.md").read_text(encoding="utf-8")
    found = {mart: Exceptions() for mart in MARTS}
    for line in re.findall(r"^\| `.*\|$", text, re.M):
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        quoted = [re.findall(r"`([^`]+)`", cell) for cell in cells]
        for mart in quoted[0]:
            if mart not in found:
                continue
            about = found[mart]
            kind = re.match(r"(null|null or equal) by the (guides|platform)$", cells[2])
            if kind:
                known = about.unknown if kind[1] == "null" else about.in_part
                known.setdefault(kind[2], set()).update(quoted[1])
            elif cells[2] == "otherwise":
                about.otherwise.update(quoted[1])
            elif cells[2] == "keys of the document":
                about.keys += quoted[1]
            elif cells[1].startswith("sums over"):
                about.summed_over, about.rows = quoted[1]
            else:
                [about.rows] = quoted[1]
    return found


EXCEPTIONS = exceptions()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with running_sandbox(
        conversations=120,
        days=2,
        end="2026-03-16T00:00:00Z",
        now=LATER,
        quota=1_000_000,
        tenant_quota=1_000_000,
        outcome_queries=1_000,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return where each contract is loaded into DuckDB."""
    return {contract: tmp_path_factory.mktemp(contract) for contract in ("guides", "platform")}


@pytest.fixture(scope="module")
def project(sandbox: SandboxProcess, folders: dict[str, Path]) -> tuple[Path, DuckDBWarehouse]:
    """Return the project with the names of today, and the warehouse that tells them."""
    loader = _loader(sandbox, folders["guides"], "guides")
    sandbox.set_clock(LATER)
    loader.load("--to", END)
    guides = DuckDBWarehouse(loader.database)
    return with_names_of_today(loader.folder, guides), guides


@pytest.fixture(scope="module")
def arena(
    sandbox: SandboxProcess,
    project: tuple[Path, DuckDBWarehouse],
    folders: dict[str, Path],
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a database with the marts of both contracts, a schema each."""
    directory, guides = project
    # The models' own tests once, on what is tested nowhere else.
    dbt(guides, "build", "--exclude-resource-type", "unit_test", project=directory)
    platform = _platform_day_by_day(sandbox, folders["platform"], directory)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, warehouse in (("guides", guides), ("platform", platform)):
            connection.execute(f"attach '{warehouse.path}' as {name}_file (read_only)")
            connection.execute(f"create schema {name}")
            for mart in MARTS:
                connection.execute(
                    f"create table {name}.{mart} as from {name}_file.genesys_marts.{mart}"
                )
            connection.execute(f"detach {name}_file")
        yield connection


def _platform_day_by_day(sandbox: SandboxProcess, folder: Path, project: Path) -> DuckDBWarehouse:
    """Load and build a part of the first day, then all of it: the other engine builds once."""
    loader = _loader(sandbox, folder, "platform")
    for _ in _loaded_twice(loader):
        dbt(DuckDBWarehouse(loader.database), "build", *MODELS_AND_SEEDS, project=project)
    return DuckDBWarehouse(loader.database)


def _loaded_twice(loader: Place) -> Iterator[None]:
    """Load what there is on the first day, then all again: both times somebody may build."""
    for now, arguments in ((FIRST_DAY, ()), (LATER, ("--from", "2026-03-14", "--to", END))):
        loader.sandbox.set_clock(now)
        loader.load(*arguments)
        yield


@pytest.fixture(scope="module")
def arena_of_four(
    sandbox: SandboxProcess,
    arena: duckdb.DuckDBPyConnection,
    project: tuple[Path, DuckDBWarehouse],
    postgres_session: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> duckdb.DuckDBPyConnection:
    """Return the database with what Postgres built as well."""
    for contract in ("guides", "platform"):
        folder = tmp_path_factory.mktemp(f"{contract}_on_postgres")
        # dbt parses again for a database of another name: so one after the other has it.
        database = postgres_session.create_database("test")
        loader = _loader(sandbox, folder, contract, database)
        if contract == "guides":
            loader.load("--to", END)
        else:
            list(_loaded_twice(loader))
        dbt(PostgresWarehouse(database, folder), "build", *MODELS_AND_SEEDS, project=project[0])
        database = postgres_session.rename_database("test", f"both_{contract}")
        arena.execute(f"create schema {contract}_postgres")
        for mart in MARTS:
            _copy(database, mart, folder / f"{mart}.csv", arena, contract)
    return arena


def _copy(
    database: PostgresDatabase,
    mart: str,
    file: Path,
    arena: duckdb.DuckDBPyConnection,
    contract: str,
) -> None:
    """Put a mart of Postgres beside DuckDB's, with the types it has there."""
    types = dict(
        arena.execute(
            "select column_name, data_type from duckdb_columns()"
            f" where schema_name = '{contract}' and table_name = '{mart}'"
        ).fetchall()
    )
    names = ", ".join(f'"{name}"' for name in types)
    with database.connect() as connection, file.open("w", encoding="utf-8") as out:
        connection.cursor().copy_expert(
            f"copy (select {names} from genesys_marts.{mart}) to stdout"
            " with (format csv, header, null '\\N')",
            out,
        )
    connection.close()
    columns = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in types.items())
    arena.execute(
        f"create table {contract}_postgres.{mart} as select {columns}"
        f" from read_csv('{file}', header = true, all_varchar = true, nullstr = '\\N',"
        " quote = '\"', escape = '\"', delim = ',')"
    )


def _loader(
    sandbox: SandboxProcess, folder: Path, contract: str, database: PostgresDatabase | None = None
) -> Place:
    return Place(sandbox, folder, database, {**SETTINGS, "GENESYS_CONTRACT": contract})


def with_names_of_today(directory: Path, warehouse: Warehouse) -> Path:
    """Return the project with the two outcomes that were renamed in mid-period as aliases."""
    payloads = warehouse.execute("select payload from genesys_raw.guides_flow_outcomes")
    flows = {json.loads(payload)["flow-id"] for (payload,) in payloads}
    registry = PROJECT / "seeds" / "attribute_registry.csv"
    project = project_with_registry(
        directory, *(registry.read_text(encoding="utf-8").splitlines()[1:])
    )
    renamed = {"Handed to agent": "Handed over to an agent", "Parcel located": "Parcel found"}
    set_seed(
        project,
        "flow_outcome_aliases",
        *(f"{flow},{old},{new}" for flow in sorted(flows) for old, new in renamed.items()),
    )
    # A Saturday and a Sunday.
    set_seed(project, "business_hours", "*,saturday,08:00,20:00,", "*,sunday,10:00,16:00,")
    return project


def columns_of(arena: duckdb.DuckDBPyConnection, schema: str, mart: str) -> list[str]:
    """Return a mart's columns, without those that are each warehouse's own."""
    rows = arena.execute(
        "select column_name from duckdb_columns() where schema_name = ? and table_name = ?"
        " order by column_index",
        [schema, mart],
    ).fetchall()
    return [column for (column,) in rows if column not in OWN]


def compared_columns(arena: duckdb.DuckDBPyConnection, mart: str) -> list[str]:
    """Return the columns in which both contracts must be equal."""
    about = EXCEPTIONS[mart]
    left_out = set(about.otherwise)
    for known in (*about.unknown.values(), *about.in_part.values()):
        left_out |= known
    columns = columns_of(arena, "platform", mart)
    assert columns == columns_of(arena, "guides", mart)
    assert left_out <= set(columns), "DECISIONS names columns that are not there"
    return [column for column in columns if column not in left_out | {about.summed_over}]


def shown(column: str, keys: list[str]) -> str:
    """Return a column as it is compared: of a document without the values of some keys."""
    if not column.endswith("_json"):
        return f'"{column}"'
    pattern = f'"({"|".join(keys)})":("[^"]*"|null)'
    return f"regexp_replace({column}, '{pattern}', '', 'g')"


def question(schema: str, mart: str, columns: list[str], rows: str = "true") -> str:
    """Return the query of some columns of a mart, added up where the mart is compared so."""
    names = [shown(column, EXCEPTIONS[mart].keys) for column in columns]
    if EXCEPTIONS[mart].summed_over is None:
        return f"select {', '.join(names)} from {schema}.{mart} where {rows}"
    counted = [name for name in columns if name.endswith(("_count", "_seconds"))]
    sums = ", ".join(f'sum("{name}") as "{name}"' for name in counted)
    others = ", ".join(f'"{name}"' for name in columns if name not in counted)
    return f"select {others}, {sums} from {schema}.{mart} where {rows} group by {others}"


def differing(arena: duckdb.DuckDBPyConnection, left: str, right: str) -> list[object]:
    """Return some rows that the left query has more often than the right one."""
    return list(arena.execute(f"({left}) except all ({right}) limit 3").fetchall())


@pytest.mark.parametrize("mart", MARTS)
def test_both_contracts_answer_alike(arena: duckdb.DuckDBPyConnection, mart: str) -> None:
    about = EXCEPTIONS[mart]
    columns = compared_columns(arena, mart)
    guides = question("guides", mart, columns, about.rows)
    platform = question("platform", mart, columns, about.rows)
    assert differing(arena, guides, platform) == []
    assert differing(arena, platform, guides) == []
    [(count,)] = arena.execute(f"select count(*) from ({guides})").fetchall()
    assert (count > 0) == (about.rows != "false")


@pytest.mark.parametrize("mart", MARTS)
def test_what_a_contract_cannot_know_is_null_and_what_it_tells_is_so(
    arena: duckdb.DuckDBPyConnection, mart: str
) -> None:
    about = EXCEPTIONS[mart]
    for contract, unknown in about.unknown.items():
        counts = ", ".join(f'count("{column}")' for column in sorted(unknown))
        [found] = arena.execute(f"select {counts} from {contract}.{mart}").fetchall()
        assert dict(zip(sorted(unknown), found, strict=True)) == dict.fromkeys(sorted(unknown), 0)
    if about.rows == "false":
        assert arena.execute(f"select count(*) from guides.{mart}").fetchall() == [(0,)]
    for contract, in_part in about.in_part.items():
        other = {"guides": "platform", "platform": "guides"}[contract]
        for column in sorted(in_part):
            columns = [*compared_columns(arena, mart), column]
            told = question(contract, mart, columns, f'{about.rows} and "{column}" is not null')
            assert differing(arena, told, question(other, mart, columns, about.rows)) == [], column


def test_no_conversation_of_a_contact_is_missing(arena: duckdb.DuckDBPyConnection) -> None:
    """Kept or not: of people whom both know, both list as many conversations."""
    listed = (
        "select canonical_contact_id, interaction_count + filtered_count"
        " from {}.journey_timelines where canonical_contact_id in"
        " (select canonical_contact_id from guides.journey_timelines)"
    )
    guides, platform = listed.format("guides"), listed.format("platform")
    assert differing(arena, guides, platform) == []
    assert differing(arena, platform, guides) == []


# What the details of conversations come to, and what Genesys itself counts. Details also tell what
# an e-mail that was opened again did after the last window of the counts.
WAITS = f"""
    select queue_id, media_type, count(*), count(case when is_answered then 1 end),
        count(case when is_abandoned then 1 end), count(case when is_short_abandon then 1 end),
        count(case when is_flowed_out then 1 end), sum(wait_seconds)
    from platform.fct_queue_visits where entered_at < timestamp '{END}'
    group by queue_id, media_type
"""
WAITS_OF_GENESYS = """
    select queue_id, media_type, sum(offered_count), sum(answered_count), sum(abandoned_count),
        sum(short_abandoned_count), sum(flowed_out_count), sum(wait_seconds)
    from platform.fct_queue_intervals where interval_kind = 'day'
    group by queue_id, media_type having sum(offered_count) > 0
"""
ANSWERS = f"""
    select queue_id, media_type, count(*)
    from platform.fct_conversation_legs
    where is_answered and answered_at < timestamp '{END}' group by queue_id, media_type
"""
ANSWERS_OF_GENESYS = """
    select queue_id, media_type, sum(answered_count)
    from platform.fct_queue_intervals where interval_kind = 'day'
    group by queue_id, media_type having sum(answered_count) > 0
"""


@pytest.mark.parametrize(
    ("details", "counts"),
    [(WAITS, WAITS_OF_GENESYS), (ANSWERS, ANSWERS_OF_GENESYS)],
    ids=["waits", "answers"],
)
def test_details_come_to_what_genesys_counts(
    arena: duckdb.DuckDBPyConnection, details: str, counts: str
) -> None:
    assert differing(arena, details, counts) == []
    assert differing(arena, counts, details) == []
    assert len(arena.execute(details).fetchall()) > 5


def test_genesys_own_shares_agree_with_ours(
    arena: duckdb.DuckDBPyConnection, project: tuple[Path, DuckDBWarehouse]
) -> None:
    [(count, agreed)] = project[1].execute(
        "select count(*), count(case when is_agreed then 1 end) "
        "from genesys_marts.audit_outcome_shares"
    )
    assert count == agreed > 0


@pytest.mark.parametrize("contract", ["guides", "platform"])
def test_both_engines_agree_and_days_add_up_to_one_build(
    arena_of_four: duckdb.DuckDBPyConnection, contract: str
) -> None:
    for mart in MARTS:
        columns = columns_of(arena_of_four, contract, mart)
        names = ", ".join(shown(column, [EXTRACTED]) for column in columns)
        on_duckdb = f"select {names} from {contract}.{mart}"
        on_postgres = f"select {names} from {contract}_postgres.{mart}"
        assert differing(arena_of_four, on_duckdb, on_postgres) == [], mart
        assert differing(arena_of_four, on_postgres, on_duckdb) == [], mart


def test_a_page_of_the_guides_says_what_they_do_not_tell(
    arena: duckdb.DuckDBPyConnection,
    sandbox: SandboxProcess,
    folders: dict[str, Path],
    browser: Browser,
) -> None:
    path = written(_loader(sandbox, folders["guides"], "guides"))
    with visit(browser, path) as page:
        assert int(page.value("offered_count")) > 0
        assert "not told" in page.card("service_level").inner_text()
        for name in ("service_level_by_day", "attribute_values"):
            assert "The source does not tell it." in page.chart(name).inner_text()
        for name in ("containment", "reconciliation"):
            assert "Nothing of it was loaded" in page.chart(name).inner_text()
        assert page.chart("offered_by_day").locator("svg").is_visible()
        assert page.violations() == []


@pytest.mark.parametrize("contract", ["guides", "platform"])
def test_both_engines_have_one_report(
    arena_of_four: duckdb.DuckDBPyConnection,
    sandbox: SandboxProcess,
    folders: dict[str, Path],
    postgres_session: PostgresServer,
    tmp_path: Path,
    contract: str,
) -> None:
    database = replace(postgres_session.maintenance, name=f"both_{contract}")
    on_duckdb = tables_of(written(_loader(sandbox, folders[contract], contract)))
    on_postgres = tables_of(written(_loader(sandbox, tmp_path, contract, database)))
    assert on_postgres.keys() == on_duckdb.keys()
    for name, table in on_duckdb.items():
        assert rows_of(on_postgres[name]) == rows_of(table), name
    assert on_duckdb["queue_days"]["length"] > 10
