"""Snowflake: a database of an account."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, SecretStr

from loader.setting_types import FileOrNone, Secret, Text
from loader.warehouses.account import Account, key_in
from loader.warehouses.base import WarehouseSettings

if TYPE_CHECKING:
    from dlt.common.destination.reference import AnyDestination_CO
    from dlt.destinations.sql_client import SqlClientBase

# What the driver may take to reach the account; for an answer it would ask again for ever.
LOGIN_SECONDS = 60
NETWORK_SECONDS = 300


class SnowflakeSettings(WarehouseSettings):
    """The account, who enters it by a password or a key pair, and where it works."""

    required = ("account", "user", "warehouse", "database")

    account: Text = Field(default="", alias="ELT_SNOWFLAKE_ACCOUNT")
    user: Text = Field(default="", alias="ELT_SNOWFLAKE_USER")
    password: Secret = Field(default=SecretStr(""), alias="ELT_SNOWFLAKE_PASSWORD")
    private_key_path: FileOrNone = Field(default=None, alias="ELT_SNOWFLAKE_PRIVATE_KEY_PATH")
    private_key_passphrase: Secret = Field(
        default=SecretStr(""), alias="ELT_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"
    )
    role: Text = Field(default="", alias="ELT_SNOWFLAKE_ROLE")
    warehouse: Text = Field(default="", alias="ELT_SNOWFLAKE_WAREHOUSE")
    database: Text = Field(default="", alias="ELT_SNOWFLAKE_DATABASE")

    def lacking(self) -> list[str]:
        """Return the names of what is not set; one of password and key is enough."""
        missing = super().lacking()
        if not self.password.get_secret_value() and not self.private_key_path:
            missing.append("ELT_SNOWFLAKE_PASSWORD or ELT_SNOWFLAKE_PRIVATE_KEY_PATH")
        return missing


class Snowflake(Account[SnowflakeSettings]):
    """A database of a Snowflake account."""

    name = "snowflake"
    settings_model = SnowflakeSettings
    file_format = "parquet"
    chosen_by = "ELT_SNOWFLAKE_DATABASE"
    driver = "snowflake.connector"
    adapter = "dbt.adapters.snowflake"
    now_ms = "date_part(epoch_millisecond, current_timestamp())"
    text_type = "varchar"
    record_megabytes = 16
    remains = (
        "Snowflake shows what was in tables that dbt had replaced before by Time Travel, for their "
        "DATA_RETENTION_TIME_IN_DAYS (1 by default), and itself keeps all for 7 days more."
    )
    # Of the connection, beside what the settings say.
    options: ClassVar[dict[str, Any]] = {
        "login_timeout": LOGIN_SECONDS,
        "network_timeout": NETWORK_SECONDS,
    }
    signs: ClassVar = {
        "incorrect username or password|390100": (
            "{place}: user or password refused (ELT_SNOWFLAKE_USER, ELT_SNOWFLAKE_PASSWORD)."
        ),
        "jwt token is invalid|390144": (
            "{place}: the key is not the one of the user (ELT_SNOWFLAKE_PRIVATE_KEY_PATH); "
            "`alter user … set rsa_public_key`."
        ),
        "password has expired|password expired|must be changed|390106": (
            "{place}: the password has expired; change it, or use a key pair "
            "(ELT_SNOWFLAKE_PRIVATE_KEY_PATH)."
        ),
        "multi-factor|mfa|390197|394507": (
            "{place}: a password alone is not enough there; use a key pair "
            "(ELT_SNOWFLAKE_PRIVATE_KEY_PATH)."
        ),
        "temporarily locked|390102": (
            "{place}: the user is locked; ask whoever administers the account."
        ),
        "specified in the connect string is not granted|390189": (
            "{place}: that role is not the user's (ELT_SNOWFLAKE_ROLE)."
        ),
        "no active warehouse|000606": (
            "{place}: there is no such warehouse, or no USAGE of it (ELT_SNOWFLAKE_WAREHOUSE)."
        ),
        "because (?:the )?resource monitor|000630": (
            "{place}: the warehouse was stopped, by its resource monitor or a time limit."
        ),
        r"insufficient privileges to operate on (\w+ '[\w.$\"]+')": (
            "{place}: no permission on {0}; README lists the grants that it takes."
        ),
        "insufficient privileges|003001": (
            "{place}: no permission; README lists the grants that it takes."
        ),
        "does not have a current database|090105": (
            "{place}: there is no such database, or no USAGE of it."
        ),
        "250001|251001|290404|404 not found|could not connect|failed to connect|"
        "max retries exceeded|name or service not known|connection refused|connection reset": (
            "{place}: unreachable, or there is no such account (ELT_SNOWFLAKE_ACCOUNT)."
        ),
    }

    @property
    def place(self) -> str:
        """The database."""
        return (
            f"Snowflake account {self.settings.account}, {self.chosen_by} {self.settings.database}"
        )

    def destination(self) -> "AnyDestination_CO":
        """Return dlt's destination, which opens a connection each time it needs one."""
        import dlt
        from dlt.common.libs.cryptography import decode_private_key
        from dlt.destinations.impl.snowflake.configuration import SnowflakeCredentials

        credentials = SnowflakeCredentials()
        credentials.host = self.settings.account
        credentials.database = self.settings.database
        credentials.username = self.settings.user
        credentials.warehouse = self.settings.warehouse
        credentials.role = self.settings.role or None
        credentials.application = ""
        credentials.query = dict(self.options)
        if path := self.settings.private_key_path:
            passphrase = self.settings.private_key_passphrase.get_secret_value() or None
            credentials.private_key = key_in(
                "ELT_SNOWFLAKE_PRIVATE_KEY_PATH",
                path,
                lambda text: decode_private_key(text, passphrase),
                "a private key in PEM form (PKCS 8), or ELT_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE is "
                "not its passphrase",
            )
            credentials.private_key_passphrase = passphrase
        else:
            credentials.password = self.settings.password.get_secret_value()
        return dlt.destinations.snowflake(
            # Loaded files would stay on the table's stage for ever.
            credentials=credentials, keep_staged_files=False
        )  # fmt: skip

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        """Return what the driver raises."""
        from snowflake.connector.errors import Error

        return (Error,)

    def rewrite(
        self, open_client: "Callable[[], SqlClientBase[Any]]", tables: Iterable[str]
    ) -> None:
        """Have nothing of the tables kept for Time Travel; what was is gone within the hour.

        It stays so for these tables: set to a day again at once, nothing would be forgotten.
        """
        with open_client() as client:
            for table in tables:
                client.execute_sql(f"alter table {table} set data_retention_time_in_days = 0")
