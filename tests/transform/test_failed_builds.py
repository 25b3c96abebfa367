"""A model that failed in one build catches up in the next, and nothing it missed is lost."""

from pathlib import Path

import pytest

from tests.transform.conversations import call, conversation
from tests.transform.warehouses import (
    MODELS_AND_SEEDS,
    PROJECT,
    RawTables,
    Warehouse,
    dbt,
    project_with_registry,
    tables,
)

# Behind the sessions, and beside them.
MODELS = ("--select", "+fct_queue_visits", "+fct_participant_attributes")
SCHEMAS = ("genesys_staging", "genesys_intermediate", "genesys_marts")


@pytest.mark.slow
def test_a_child_that_failed_catches_up_in_the_next_build(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    project = project_with_registry(tmp_path)
    child = project / "models" / "staging" / "platform" / "stg_platform__sessions.sql"
    mart = project / "models" / "marts" / "interactions" / "fct_queue_visits.sql"
    raw = RawTables(warehouse)
    raw.load(1, conversation_details=[call("a"), call("b", outcomes=["SUCCESS"])])
    dbt(warehouse, "build", *MODELS_AND_SEEDS, *MODELS, project=project)

    # While the sessions fail, one conversation loses all of them and another one is new.
    raw.load(2, conversation_details=[conversation("b", []), call("c", user="user-2")])
    child.write_text("select no_such_column from somewhere")
    problems = dbt(warehouse, "run", *MODELS, project=project, expect_success=False)
    assert [problem.split(":")[0] for problem in problems] == ["stg_platform__sessions"]

    # While a mart fails, its parents go on.
    child.write_text((PROJECT / child.relative_to(project)).read_text())
    broken = mart.read_text().replace("{{ seconds('interact_ms') }}", "cast('x' as numeric(18, 3))")
    assert broken != mart.read_text()
    mart.write_text(broken)
    raw.load(3, conversation_details=[call("a", answered=False)])
    problems = dbt(warehouse, "run", *MODELS, project=project, expect_success=False)
    assert [problem.split(":")[0] for problem in problems] == ["fct_queue_visits"]

    mart.write_text((PROJECT / mart.relative_to(project)).read_text())
    dbt(warehouse, "run", *MODELS, project=project)
    caught_up = tables(warehouse, *SCHEMAS)
    dbt(warehouse, "run", "--full-refresh", *MODELS, project=project)
    assert tables(warehouse, *SCHEMAS) == caught_up
