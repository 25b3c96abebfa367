"""Load jobs for Postgres that bring a file's rows once, whatever becomes of the answer.

dlt runs a job again if it does not know how that ended: the line was cut, or the process killed,
between the server's commit and the file that says so here. The rows would be there twice, the
ledger's too; and a state that comes twice breaks a constraint of dlt's, for ever. So each file is
noted in the transaction that loads it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dlt.common.destination.client import LoadJob, RunnableLoadJob
from dlt.common.schema.typing import TSchemaTables
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.postgres import PostgresClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from dlt.destinations.typing import DBTransaction

# Files of loads that are not listed yet.
TABLE = "_loaded_files"


class _IsLoaded(Exception):
    """The file is there already."""


class OnceSqlClient(Psycopg2SqlClient):
    """Notes the file of a job in the transaction that loads it.

    Attributes:
        job: whose client it is, if it is a job's.
    """

    job: RunnableLoadJob | None = None

    @contextmanager
    def begin_transaction(self) -> Iterator[DBTransaction]:
        """Begin one; a job's only if its file is not there."""
        with super().begin_transaction() as transaction:
            if self.job is not None:
                # Waits for a transaction that was cut off and has not ended yet.
                noted = self.execute_sql(
                    f"insert into {self.make_qualified_table_name(TABLE)} (file, load_id)"
                    " values (%s, %s) on conflict do nothing returning 1",
                    self.job.job_id(),
                    self.job._load_id,
                )
                if not noted:
                    raise _IsLoaded
            yield transaction


class OnceClient(PostgresClient):
    """Runs such jobs."""

    sql_client: OnceSqlClient

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - dlt's own
        super().__init__(*arguments, **options)
        theirs = self.sql_client
        self.sql_client = OnceSqlClient(
            theirs.dataset_name, theirs.staging_dataset_name, theirs.credentials,
            theirs.capabilities,
        )  # fmt: skip

    def update_stored_schema(self, *arguments: Any, **options: Any) -> TSchemaTables | None:  # noqa: ANN401
        """Make the tables, and the one of the files."""
        applied = super().update_stored_schema(*arguments, **options)
        table = self.sql_client.make_qualified_table_name(TABLE)
        self.sql_client.execute_sql(
            f"create table if not exists {table} (file text primary key, load_id text not null)"
        )
        return applied

    def create_load_job(self, *arguments: Any, **options: Any) -> LoadJob:  # noqa: ANN401
        """Return a job that has nothing to do where its file is there."""
        job = super().create_load_job(*arguments, **options)
        if isinstance(job, RunnableLoadJob):
            run = job.run

            def once() -> None:
                try:
                    run()
                except _IsLoaded:
                    return

            job.run = once  # type: ignore[method-assign]
        return job

    def prepare_load_job_execution(self, job: RunnableLoadJob) -> None:
        """Tell whose client this is."""
        super().prepare_load_job_execution(job)
        self.sql_client.job = job

    def forget_files(self, load_id: str) -> None:
        """Forget the files of a load that is listed, and of those before it."""
        table = self.sql_client.make_qualified_table_name(TABLE)
        self.sql_client.execute_sql(f"delete from {table} where load_id <= %s", load_id)


class Once(postgres):
    """dlt's destination of Postgres with such jobs."""

    @property
    def client_class(self) -> type[PostgresClient]:
        """Its client."""
        return OnceClient

    @property
    def destination_type(self) -> str:
        """The name of dlt's own: to the state in a warehouse it is the same one."""
        return "dlt.destinations.postgres"
