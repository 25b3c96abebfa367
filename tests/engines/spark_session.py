"""A process that writes the marts of a Spark warehouse as Parquet files: `python -m … FOLDER`.

In a process of its own, as a local session's catalog has room for one. The session is that of dbt's
profile.
"""

import os
import sys
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from dbt.config.renderer import ProfileRenderer
from dbt_common.context import set_invocation_context
from pyspark.sql import SparkSession

from tests.engines.marts import MARTS

PROFILES = Path(__file__).parents[2] / "profiles" / "profiles.yml"


def session() -> SparkSession:
    """Open the session that the settings in the environment describe."""
    set_invocation_context(os.environ)
    output = yaml.safe_load(PROFILES.read_text(encoding="utf-8"))["genesys"]["outputs"]["spark"]
    builder = SparkSession.builder.enableHiveSupport()
    for name, value in ProfileRenderer({}).render_data(output)["server_side_parameters"].items():
        builder = builder.config(name, str(value))
    return builder.getOrCreate()


def main(folder: Path) -> None:
    """Write every mart into a folder of its name."""
    spark = session()
    for mart in MARTS:
        rows = spark.table(f"genesys_marts.{mart}").coalesce(1)
        rows.write.mode("overwrite").parquet(str(folder / mart))
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
