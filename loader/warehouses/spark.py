"""Spark: raw records as Parquet files in a folder or a bucket, marts as tables of Spark's.

Whoever loads needs no Spark, only the bucket. Spark is asked by dbt, and by us for what dbt made.
"""

import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, SecretStr

from loader.errors import DestinationError, SettingsError
from loader.setting_types import Secret, Text, Whole, count
from loader.warehouses.base import (
    Statement,
    StoredColumn,
    Warehouse,
    WarehouseSettings,
    check_writable,
)
from loader.warehouses.lock import file_lock

if TYPE_CHECKING:
    from dlt.common.destination.client import JobClientBase
    from dlt.common.destination.reference import AnyDestination_CO
    from dlt.common.storages.configuration import FileSystemCredentials
    from dlt.destinations.sql_client import SqlClientBase
    from fsspec import AbstractFileSystem
    from obstore.store import ObjectStore

    from loader.warehouses.lease import Lease
    from loader.warehouses.marts import Marts

_FORMS = (
    "must be a folder of this machine, s3://BUCKET/…, gs://BUCKET/… or "
    "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/…"
)
_AZURE = re.compile(r"abfss://[\w-]+@[a-z0-9]+\.dfs\.core\.windows\.net(/.*)?")
# What reads and writes each kind of store.
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "abfss": "adlfs"}


def _bucket_url(value: object) -> object:
    """Take a folder or the address of a bucket; return a folder as its whole path."""
    if not isinstance(value, str) or not value:
        return value
    url = re.sub(r"^s3a?://", "s3://", value)
    if re.search(r"['%\\*?\[\]\s]", url):
        raise ValueError(r"must not hold blanks, apostrophes and % \ * ? [ ]")
    scheme, remote, rest = url.partition("://")
    if not remote or scheme == "file":
        return str(Path(rest if remote else url).absolute())
    if (scheme in ("s3", "gs") and urlsplit(url).hostname) or _AZURE.fullmatch(url):
        return url.rstrip("/")
    raise ValueError(_FORMS)


BucketUrl = Annotated[Text, BeforeValidator(_bucket_url)]


class SparkSettings(WarehouseSettings):
    """The bucket and who enters it, and which Spark makes the marts."""

    bucket_url: BucketUrl = Field(
        default="data/bucket", alias="ELT_BUCKET_URL", validate_default=True
    )
    key_id: Text = Field(default="", alias="ELT_BUCKET_KEY_ID")
    secret: Secret = Field(default=SecretStr(""), alias="ELT_BUCKET_SECRET")
    endpoint: Text = Field(default="", alias="ELT_BUCKET_ENDPOINT")
    region: Text = Field(default="", alias="ELT_BUCKET_REGION")

    method: Literal["session", "thrift", "connect"] = Field(
        default="session", alias="ELT_SPARK_METHOD"
    )
    host: Text = Field(default="localhost", alias="ELT_SPARK_HOST")
    port: Whole = count(10000, 1, 65535, "ELT_SPARK_PORT")
    token: Secret = Field(default=SecretStr(""), alias="ELT_SPARK_TOKEN")
    warehouse_url: BucketUrl = Field(default="", alias="ELT_SPARK_WAREHOUSE_URL")
    table_format: Literal["iceberg", "delta"] = Field(
        default="iceberg", alias="ELT_SPARK_TABLE_FORMAT"
    )
    packages: Text = Field(default="", alias="ELT_SPARK_PACKAGES")
    jars: Text = Field(default="", alias="ELT_SPARK_JARS")
    metastore: Text = Field(default="", alias="ELT_SPARK_METASTORE")
    partitions: Whole = count(4, 1, 100_000, "ELT_SPARK_PARTITIONS")
    conf: Text = Field(default="", alias="ELT_SPARK_CONF")

    @property
    def scheme(self) -> str:
        """Of the bucket; empty for a folder."""
        return self.bucket_url.partition("://")[0] if "://" in self.bucket_url else ""

    @property
    def marts_url(self) -> str:
        """Where Spark's tables lie."""
        return self.warehouse_url or f"{self.bucket_url}/warehouse"

    @property
    def catalog(self) -> str:
        """Where Spark's catalog is: a metastore's address, or a folder of this machine."""
        beside = Path("data" if self.scheme else self.bucket_url)
        place = self.metastore or str(beside / "metastore")
        # dbt may run in another directory.
        return place if "://" in place else str(Path(place).absolute())

    def environment(self) -> dict[str, str]:
        """Return what dbt's profile reads, and what pyspark itself does."""
        told = {
            **super().environment(),
            "ELT_SPARK_WAREHOUSE_URL": self.marts_url,
            "ELT_SPARK_METASTORE": self.catalog,
        }
        if self.method == "connect":
            # dbt-spark knows no such method, but pyspark goes where this leads.
            told["ELT_SPARK_METHOD"] = "session"
            token = self.token.get_secret_value()
            told["SPARK_REMOTE"] = f"sc://{self.host}:{self.port}/" + (
                f";use_ssl=true;token={token}" if token else ""
            )
        return told


_REFUSED = "credentials refused (ELT_BUCKET_KEY_ID, ELT_BUCKET_SECRET)."
_NO_PERMISSION = "no permission; it takes those to list, read, write and delete objects there."


class Spark(Warehouse[SparkSettings]):
    """Files in a bucket, and a Spark that makes tables of them."""

    name = "spark"
    settings_model = SparkSettings
    file_format = "parquet"
    chosen_by = "ELT_BUCKET_URL"
    # What is uploaded stays as it is; DuckDB reads zstd as fast, and JSON takes a fifth.
    dlt_values: ClassVar[Mapping[str, object]] = {"compression": "zstd"}

    remains = (
        "A bucket that keeps versions of its objects has the old ones still; delete those too."
    )

    signs: ClassVar = {
        "nosuchbucket|specified bucket does not exist": "{place}: there is no such bucket.",
        "invalidaccesskeyid|signaturedoesnotmatch|expiredtoken|invalidtoken|invalidclienttokenid|"
        "unable to locate credentials|nocredentials|authenticationfailed|invalid_grant": (
            "{place}: " + _REFUSED
        ),
        "accessdenied|access denied|forbidden": "{place}: " + _NO_PERMISSION,
        "java_gateway_exited|java gateway process exited": (
            "{spark} did not start; it says above why: Java 17, or a package it could not download "
            "(ELT_SPARK_PACKAGES, ELT_SPARK_JARS)."
        ),
        "could not connect to any of|ttransportexception|statuscode.unavailable": (
            "{spark}: unreachable or closed the connection."
        ),
        "could not connect to the endpoint|endpointconnectionerror|error sending request|"
        "connecttimeout|connect timeout|connection refused|connection was closed|"
        "name or service not known|cannot connect to host|connection reset|server disconnected|"
        "readtimeout|unknownhostexception|connectexception": (
            "{place}: unreachable or closed the connection (ELT_BUCKET_ENDPOINT)."
        ),
        "amazons3exception": "{place} refused what Spark asked for; it says above why.",
    }

    def __init__(self, settings: SparkSettings) -> None:
        super().__init__(settings)
        self._lease: Lease | None = None
        self._marts: Marts | None = None

    @property
    def place(self) -> str:
        """The folder or the bucket."""
        return f"{self.chosen_by} {self.settings.bucket_url}"

    @property
    def _folder(self) -> Path | None:
        return None if self.settings.scheme else Path(self.settings.bucket_url)

    @property
    def files(self) -> Sequence[Path]:
        """The folder, if it is one of this machine."""
        return () if self._folder is None else (self._folder,)

    def check_paths(self) -> None:
        """Refuse a folder that cannot be written, and a bucket whose client is not installed.

        Raises:
            SettingsError: a package is missing.
            DestinationError: naming the setting and the path.
        """
        self._check_packages()
        if self._folder is not None:
            if self._folder.exists() and not self._folder.is_dir():
                raise DestinationError(f"{self.place} is a file, not a folder.")
            check_writable(self.chosen_by, self._folder)

    def _check_packages(self) -> None:
        # It tells each time where it has found credentials.
        for module in ("botocore", "aiobotocore"):
            logging.getLogger(f"{module}.credentials").setLevel(logging.WARNING)
        needed = ["obstore", _PACKAGES[self.settings.scheme]] if self.settings.scheme else []
        for package in needed:
            extra = "" if package in ("obstore", "s3fs") else f" {package}"
            self.check_installed(package, f"-e '.[spark]'{extra}")

    def exists(self) -> bool:
        """Tell whether there is anything; a bucket is only known by asking it."""
        return self._folder is None or (self._folder / self.raw_schema).exists()

    # -- the lock --------------------------------------------------------------------------------

    def lock(self, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
        """Hold a file of the folder, which the kernel frees, or an object of the bucket."""
        if self._folder is not None:
            return file_lock(self._folder / f"{self.raw_schema}.lock", self.place, wait_seconds)
        return self._leased(wait_seconds)

    @contextmanager
    def _leased(self, wait_seconds: float) -> Iterator[None]:
        self._check_packages()
        from obstore.exceptions import BaseError

        from loader.warehouses.lease import Lease

        with ExitStack() as held:
            try:
                lease = Lease(self._store(), f"{self.raw_schema}.lock", self.place)
                held.enter_context(lease.held(wait_seconds))
            except (BaseError, OSError) as error:
                raise self.refused_the_lock(error) from error
            self._lease = lease
            try:
                yield
            finally:
                self._lease = None

    def check_lock(self) -> None:
        """Make sure that the object is still ours.

        Raises:
            AlreadyRunning: another run has taken it.
            DestinationError: the bucket cannot be asked.
        """
        if self._lease is None:
            return
        from obstore.exceptions import BaseError

        try:
            self._lease.check()
        except (BaseError, OSError) as error:
            raise self.refused_the_lock(error) from error

    def _store(self) -> "ObjectStore":
        """Return the bucket for the lock, which is written on conditions; fsspec knows none."""
        from obstore.store import AzureStore, GCSStore, S3Store

        url, secret = urlsplit(self.settings.bucket_url), self.settings.secret.get_secret_value()
        prefix = url.path.strip("/") or None
        patience: Any = {
            "client_options": {"allow_http": True, "connect_timeout": "10s", "timeout": "30s"},
            "retry_config": {"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        }
        if self.settings.scheme == "gs":
            return GCSStore(url.hostname, prefix=prefix, **patience)
        if self.settings.scheme == "abfss":
            key: Any = {"account_key": secret} if secret else {}
            return AzureStore(url.username, prefix=prefix, account_name=_account(url), **key,
                              **patience)  # fmt: skip
        told: dict[str, Any] = {"region": self.settings.region or "us-east-1"}
        if self.settings.endpoint:
            told |= {"endpoint": self.settings.endpoint, "virtual_hosted_style_request": False}
        if self.settings.key_id:
            told |= {"access_key_id": self.settings.key_id, "secret_access_key": secret}
        else:
            # Asked once beforehand: the store would wrap what it raises.
            _machine_credentials()
            told["credential_provider"] = _machine_credentials
        return S3Store(url.hostname, prefix=prefix, **told, **patience)

    # -- raw -------------------------------------------------------------------------------------

    def destination(self) -> "AnyDestination_CO":
        """Return dlt's destination of the files."""
        self._check_packages()
        from loader.warehouses.bucket import PARTIAL, raw_destination
        from loader.warehouses.marts import Marts

        if self._folder is not None:
            # What a process that was killed has written in part.
            shutil.rmtree(self._folder / self.raw_schema / PARTIAL, ignore_errors=True)
        self._marts = Marts(self.settings.environment, self._has_marts)
        url = urlsplit(self.settings.bucket_url)
        if self.settings.scheme == "abfss":
            # As `az`, or dlt has DuckDB download an extension, which is not needed.
            where = f"az://{url.username}{url.path}"
        else:
            where = self.settings.bucket_url
        return raw_destination(where, self._credentials(), self._marts)

    def _credentials(self) -> "FileSystemCredentials | None":
        secret = self.settings.secret.get_secret_value() or None
        if self.settings.scheme == "s3":
            from dlt.common.configuration.specs import AwsCredentials

            found = AwsCredentials(
                endpoint_url=self.settings.endpoint or None,
                region_name=self.settings.region or None,
            )
            if self.settings.key_id and secret:
                found.aws_access_key_id, found.aws_secret_access_key = self.settings.key_id, secret
            return found
        if self.settings.scheme == "abfss":
            from dlt.common.configuration.specs import AzureCredentials

            account = _account(urlsplit(self.settings.bucket_url))
            return AzureCredentials(
                azure_storage_account_name=account, azure_storage_account_key=secret
            )
        return None

    def list_load(self, client: "JobClientBase", load_id: str) -> bool:
        """List a load by the file that is its commit, while the lock is ours."""
        self.check_lock()
        raw: Any = client
        return bool(raw.list_in_order(load_id))

    def execute(self, client: Any, statements: Sequence[Statement]) -> None:  # noqa: ANN401
        """Note statements down and execute them, each on the files it is about."""
        raw: Any = client.remote_client
        raw.begin(statements)
        raw.finish()

    def finish(
        self, open_client: "Callable[[], AbstractContextManager[SqlClientBase[Any]]]"
    ) -> None:
        """Execute what a process that was killed has noted down; join files that are too many."""
        with open_client() as client:
            client.remote_client.finish()
            client.remote_client.join_small_files(self.check_lock)

    def stored(self, client: "SqlClientBase[Any]", prefix: str) -> Iterator[StoredColumn]:
        """Walk through the columns of the files, and of Spark's tables."""
        raw: Any = client.remote_client
        for table, columns in raw.get_storage_tables(raw.schema.tables):
            for column in columns:
                yield StoredColumn(raw.dataset_name, table, column, is_view=False)
        if self._marts is not None and self._marts.exist(raw.fs_client):
            for schema, table, is_view in self._marts.tables(prefix):
                if schema != raw.dataset_name:
                    for column in self._marts.columns(schema, table):
                        yield StoredColumn(schema, table, column, is_view)

    # -- marts -----------------------------------------------------------------------------------

    def _has_marts(self, files: "AbstractFileSystem") -> bool:
        """Tell whether dbt has built anything, without starting a Spark for that."""
        return self.settings.method != "session" or bool(files.exists(self.settings.marts_url))

    def drop(self, client: Any) -> list[str]:  # noqa: ANN401 - a `RawSqlClient`
        """Drop dbt's schemas and the folder of the raw files."""
        dropped = []
        if self._marts is not None and self._marts.exist(client.remote_client.fs_client):
            for schema, table, is_view in [*self._marts.tables(f"{self.ours}_")]:
                if schema != self.raw_schema:
                    kind = "view" if is_view else "table"
                    self._marts.rows(f"drop {kind} if exists `{schema}`.`{table}`")
            for schema in self._marts.schemas(f"{self.ours}_"):
                self._marts.rows(f"drop schema if exists `{schema}` cascade")
                dropped.append(schema)
        client.remote_client.drop_storage()
        return [*dropped, self.raw_schema]

    def rewrite(
        self, open_client: "Callable[[], SqlClientBase[Any]]", tables: Iterable[str]
    ) -> None:
        """Have Spark drop the versions that still hold what was deleted; raw files hold none."""
        for table in tables:
            schema, name = table.replace('"', "").split(".")[-2:]
            if schema != self.raw_schema and self._marts is not None:
                self._marts.forget_versions(schema, name, self.settings.table_format)

    def check_dbt(self) -> None:
        """Refuse to start dbt without what it needs for Spark.

        Raises:
            SettingsError: a package or Java is missing.
        """
        by_method = {
            "session": ("pyspark", "-e '.[spark]'"),
            "connect": ("grpc", "'pyspark[connect]'"),
            "thrift": ("pyhive", "'dbt-spark[PyHive]'"),
        }
        needed = [("dbt.adapters.spark", "-e '.[spark]'"), by_method[self.settings.method]]
        for package, told in needed:
            self.check_installed(package, told)
        if self.settings.method == "session" and not _java():
            raise SettingsError(
                "ELT_SPARK_METHOD=session starts Spark on this machine, which needs Java 17, and "
                "there is none in JAVA_HOME or PATH; install it, or name a server "
                "(ELT_SPARK_METHOD, ELT_SPARK_HOST)."
            )

    # -- errors ----------------------------------------------------------------------------------

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        """Return what the clients of the bucket, DuckDB and Spark raise."""
        import duckdb
        from dbt_common.exceptions import DbtBaseException

        found: list[type[BaseException]] = [duckdb.Error, DbtBaseException]
        for module, names in _ERRORS.items():
            with suppress(ImportError):
                known = import_module(module)
                found += [getattr(known, name) for name in names]
        return tuple(found)

    def problem(self, causes: Sequence[BaseException], text: str) -> str | None:
        """Say what an error of the bucket or of Spark means."""
        if told := super().problem(causes, text):
            return told
        kinds = {type(one).__name__ for one in causes}
        if "UnauthenticatedError" in kinds:
            return f"{self.place}: {_REFUSED}"
        if self.settings.scheme and kinds & {"PermissionError", "PermissionDeniedError"}:
            return f"{self.place}: {_NO_PERMISSION}"
        return None

    @property
    def named(self) -> Mapping[str, str]:
        """The bucket and Spark."""
        here, at = "Spark on this machine", f"{self.settings.host}:{self.settings.port}"
        is_here = self.settings.method == "session"
        return {**super().named, "spark": here if is_here else f"Spark at ELT_SPARK_HOST {at}"}

    def close(self) -> None:
        """Let go of Spark."""
        if self._marts is not None:
            self._marts.close()


# What the errors of each are called, wherever they come from.
_ERRORS = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "obstore.exceptions": ("BaseError",),
    "pyspark.errors": ("PySparkException",),
    "py4j.protocol": ("Py4JError",),
}


def _account(url: SplitResult) -> str:
    return (url.hostname or "").partition(".")[0]


def _machine_credentials() -> Any:  # noqa: ANN401 - a dictionary of obstore's
    """Return what the machine itself enters S3 with: its role, a profile, the environment.

    Raises:
        SettingsError: it has none.
    """
    from botocore.session import Session

    found = Session().get_credentials()
    if found is None:
        raise SettingsError(
            "ELT_BUCKET_KEY_ID is not set, and this machine has no AWS credentials of its own."
        )
    frozen = found.get_frozen_credentials()
    return {
        "access_key_id": frozen.access_key,
        "secret_access_key": frozen.secret_key,
        "token": frozen.token,
        # They may change while a load goes on.
        "expires_at": datetime.now(UTC) + timedelta(minutes=10),
    }


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
