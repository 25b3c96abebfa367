"""Settings of a Spark on this machine for few rows, of which nearly all of the time is planning."""

CONF = ";".join(
    f"{name}={value}"
    for name, value in {
        # Nothing is compiled that runs once, and nothing is cut up.
        "spark.master": "local[2]",
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.constraintPropagation.enabled": "false",
        "spark.driver.memory": "3g",
        "spark.driver.extraJavaOptions": (
            "-XX:+UseSerialGC -Xms2g -Xmn1400m"
            " -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"
        ),
    }.items()
)
