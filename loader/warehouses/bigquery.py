"""BigQuery: datasets of a project of Google Cloud."""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from loader.errors import SettingsError
from loader.setting_types import FileOrNone, Text
from loader.warehouses.account import Account, key_in
from loader.warehouses.base import WarehouseSettings

if TYPE_CHECKING:
    from dlt.common.destination.reference import AnyDestination_CO
    from dlt.destinations.sql_client import SqlClientBase


class BigQuerySettings(WarehouseSettings):
    """The project and where its data lie, and who enters it."""

    required = ("project", "location")

    project: Text = Field(default="", alias="ELT_BIGQUERY_PROJECT")
    keyfile: FileOrNone = Field(default=None, alias="ELT_BIGQUERY_KEYFILE")
    location: Text = Field(default="US", alias="ELT_BIGQUERY_LOCATION", pattern=r"^[\w-]*$")


class BigQuery(Account[BigQuerySettings]):
    """Datasets of a BigQuery project."""

    name = "bigquery"
    settings_model = BigQuerySettings
    file_format = "parquet"
    chosen_by = "ELT_BIGQUERY_PROJECT"
    driver = "google.cloud.bigquery"
    adapter = "dbt.adapters.bigquery"
    now_ms = "unix_millis(current_timestamp())"
    text_type = "string"
    remains = (
        "BigQuery shows deleted rows by time travel for max_time_travel_hours of their dataset (7 "
        "days by default, 2 at least), and can restore them itself for 7 days more."
    )
    signs: ClassVar = {
        "invalid_grant|invalid jwt|account not found|reauthentication is needed": (
            "{place}: credentials refused (ELT_BIGQUERY_KEYFILE): the key was deleted or has "
            "expired, or the clock of this machine is wrong."
        ),
        "billing has not been enabled|billing to be enabled|billingnotenabled": (
            "{place}: the project has no billing account, which DML and load jobs need."
        ),
        "has not enabled bigquery|api has not been used|accessnotconfigured": (
            "{place}: the BigQuery API is not enabled in that project."
        ),
        "not found: project|project not found|invalid project id|projectid must": (
            "{place}: there is no such project, or no permission to know of it."
        ),
        "quotaexceeded|ratelimitexceeded|exceeded rate limits|quota exceeded": (
            "{place}: a quota of the project is used up; try later."
        ),
        "not found in location": ("{place}: the dataset lies elsewhere (ELT_BIGQUERY_LOCATION)."),
        r"access denied: (dataset|table) [\w-]+:([\w.-]+)": (
            "{place}: no permission on {0} {1}; README lists the roles that it takes."
        ),
        r"access denied|accessdenied|permission denied|does not have bigquery\.": (
            "{place}: no permission; README lists the roles that it takes."
        ),
        "failed to resolve|max retries exceeded|connection refused|connection reset|"
        "connection aborted|transporterror|name or service not known|unable to find the server|"
        "deadline of|timeout of": "{place}: unreachable or closed the connection.",
    }

    @property
    def place(self) -> str:
        """The project."""
        return f"BigQuery, {self.chosen_by} {self.settings.project}"

    def destination(self) -> "AnyDestination_CO":
        """Return dlt's destination, which opens a connection each time it needs one."""
        import dlt
        from dlt.common.configuration.specs import GcpServiceAccountCredentials
        from google.oauth2.service_account import Credentials

        credentials = GcpServiceAccountCredentials()
        if path := self.settings.keyfile:
            key = key_in(
                "ELT_BIGQUERY_KEYFILE",
                path,
                lambda text: Credentials.from_service_account_info(json.loads(text)),
                "the JSON key of a service account",
            )
            credentials.parse_native_representation(key)
        else:
            self._check_default()
        return dlt.destinations.bigquery(
            credentials=credentials,
            project_id=self.settings.project,
            location=self.settings.location,
        )

    @staticmethod
    def _check_default() -> None:
        """See that this machine has credentials, which dlt then finds: `gcloud auth`, a workload's.

        Raises:
            SettingsError: it has none.
        """
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError

        try:
            google.auth.default()
        except DefaultCredentialsError:
            raise SettingsError(
                "ELT_BIGQUERY_KEYFILE is not set, and this machine has no credentials for Google "
                "Cloud; set it to the file of a service account's key, or run "
                "`gcloud auth application-default login`."
            ) from None

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        """Return what the driver raises."""
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.bigquery.dbapi import Error

        return (GoogleAPIError, GoogleAuthError, Error)

    def information_schema(self, client: "SqlClientBase[Any]", view: str) -> str:
        """Return the full name of a view on all datasets; dlt's is on one."""
        return (
            f"`{self.settings.project}`.`region-{self.settings.location}`.INFORMATION_SCHEMA.{view}"
        )

    def rewrite(
        self, open_client: "Callable[[], SqlClientBase[Any]]", tables: Iterable[str]
    ) -> None:
        """Do nothing: BigQuery itself writes what is left anew, and forgets with time alone."""
