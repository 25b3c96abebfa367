"""Databricks: a catalog of Unity Catalog, through a SQL warehouse."""

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, SecretStr

from loader.setting_types import Secret, Text
from loader.warehouses.account import Account
from loader.warehouses.base import WarehouseSettings

if TYPE_CHECKING:
    from dlt.common.destination.reference import AnyDestination_CO
    from dlt.destinations.sql_client import SqlClientBase


class DatabricksSettings(WarehouseSettings):
    """The workspace, its SQL warehouse, the catalog, and who enters: a token or a principal."""

    required = ("host", "http_path", "catalog")

    host: Text = Field(default="", alias="ELT_DATABRICKS_HOST", pattern=r"^[\w.-]*$")
    http_path: Text = Field(default="", alias="ELT_DATABRICKS_HTTP_PATH")
    token: Secret = Field(default=SecretStr(""), alias="ELT_DATABRICKS_TOKEN")
    client_id: Text = Field(default="", alias="ELT_DATABRICKS_CLIENT_ID")
    client_secret: Secret = Field(default=SecretStr(""), alias="ELT_DATABRICKS_CLIENT_SECRET")
    catalog: Text = Field(default="", alias="ELT_DATABRICKS_CATALOG")

    def lacking(self) -> list[str]:
        """Return the names of what is not set; a token, or a principal's id and secret."""
        missing = super().lacking()
        secret = self.client_secret.get_secret_value()
        if not self.token.get_secret_value() and not (self.client_id and secret):
            missing.append(
                "ELT_DATABRICKS_TOKEN, or ELT_DATABRICKS_CLIENT_ID with "
                "ELT_DATABRICKS_CLIENT_SECRET,"
            )
        return missing


class Databricks(Account[DatabricksSettings]):
    """A catalog of a Databricks workspace."""

    name = "databricks"
    settings_model = DatabricksSettings
    file_format = "parquet"
    chosen_by = "ELT_DATABRICKS_CATALOG"
    driver = "databricks.sql"
    adapter = "dbt.adapters.databricks"
    now_ms = "unix_millis(current_timestamp())"
    text_type = "string"
    table_kinds = frozenset({"MANAGED", "EXTERNAL"})
    remains = (
        "Databricks keeps the files that deleted rows were in, and shows them by time travel, "
        "until a VACUUM 7 days later: predictive optimization runs it, or you do."
    )
    # Of the connection, beside what the settings say: the driver would try for 15 minutes.
    options: ClassVar[dict[str, Any]] = {
        "_retry_stop_after_attempts_duration": 60.0,
        "_retry_stop_after_attempts_count": 5,
    }
    signs: ClassVar = {
        r"invalid access token|(?:code|status)\W{1,3}401\b|unauthorized|invalid_client|"
        r"expired token|token is expired|unauthenticated": (
            "{place}: credentials refused (ELT_DATABRICKS_TOKEN, or ELT_DATABRICKS_CLIENT_ID and "
            "ELT_DATABRICKS_CLIENT_SECRET); a token may have expired."
        ),
        "no_such_catalog|catalog_not_found|no such catalog": (
            "{place}: there is no such catalog, or no USE CATALOG of it."
        ),
        r"user does not have ([a-z ]+) on (catalog|schema|table|volume) '([\w.-]+)'": (
            "{place}: no {0} on {1} {2}; README lists the grants that it takes."
        ),
        r"permission_denied|insufficient_permissions|does not have permission|"
        r"(?:code|status)\W{1,3}403\b|insufficient privileges": (
            "{place}: no permission; README lists the grants that it takes."
        ),
        r"endpoint not found|endpoint_not_found|resource_does_not_exist|"
        r"(?:code|status)\W{1,3}404\b": (
            "{place}: there is no such SQL warehouse (ELT_DATABRICKS_HTTP_PATH)."
        ),
        "failed to resolve|max retries exceeded|connection refused|connection reset|"
        "connection aborted|name or service not known|nodename nor servname|timed out|"
        "remote end closed|error during request to server": (
            "{place}: unreachable or closed the connection (ELT_DATABRICKS_HOST)."
        ),
    }

    @property
    def place(self) -> str:
        """The catalog."""
        return f"Databricks at {self.settings.host}, {self.chosen_by} {self.settings.catalog}"

    def destination(self) -> "AnyDestination_CO":
        """Return dlt's destination, which opens a connection each time it needs one."""
        import dlt

        # It says on stderr, beside raising it, that it raises something.
        logging.getLogger("databricks.sql").setLevel(logging.CRITICAL)
        from dlt.destinations.impl.databricks.configuration import DatabricksCredentials

        credentials = DatabricksCredentials()
        credentials.catalog = self.settings.catalog
        credentials.server_hostname = self.settings.host
        credentials.http_path = self.settings.http_path
        credentials.session_timezone = "UTC"
        credentials.connection_parameters = dict(self.options)
        if token := self.settings.token.get_secret_value():
            credentials.access_token = token
        else:
            credentials.client_id = self.settings.client_id
            credentials.client_secret = self.settings.client_secret.get_secret_value()
        return dlt.destinations.databricks(
            # Loaded files would stay on the volume for ever.
            credentials=credentials, keep_staged_files=False
        )  # fmt: skip

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        """Return what the driver raises."""
        from databricks.sdk.errors import DatabricksError
        from databricks.sql.exc import Error

        return (Error, DatabricksError)

    def rewrite(
        self, open_client: "Callable[[], SqlClientBase[Any]]", tables: Iterable[str]
    ) -> None:
        """Write files with deleted rows anew, and remove those that are no longer kept."""
        with open_client() as client:
            for table in tables:
                # Rows are marked as deleted in files that stay as they are.
                client.execute_sql(f"reorg table {table} apply (purge)")
                client.execute_sql(f"vacuum {table}")
