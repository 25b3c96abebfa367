"""`make dictionary`: the metric dictionary as the page of dim_metrics in the models' documentation.

dbt reads Markdown and no CSV into its documentation. The page is written from the seed, and
tests/unit/test_metric_dictionary.py holds the two equal.
"""

from pathlib import Path

from loader.seeds import FOLDER, read_seed

PAGE = FOLDER.parent / "models" / "marts" / "metrics" / "dim_metrics.md"
SEED = "metric_dictionary"

INTRODUCTION = """\
One row per metric of a mart: its name in reports, how rows come to one number, which of Genesys'
metrics it is, what Genesys' views call it, and where ours differs. Written from
`seeds/metric_dictionary.csv`. A ratio divides sums: a mean of rows' shares would weigh an hour
with one call like one with a hundred. Interval marts hold everything once per `interval_kind`:
filter by it before anything is added up.
"""


def page(folder: Path = FOLDER) -> str:
    """Return the dictionary in Markdown, a table for each mart, in the order of the seed."""
    parts = ["{% docs metric_dictionary %}\n" + INTRODUCTION]
    entries = read_seed(folder, SEED)
    for mart in dict.fromkeys(line["mart"] for line in entries):
        parts.append(
            f"### {mart}\n\n"
            "| metric | label | computed as | Genesys | definition |\n|---|---|---|---|---|\n"
            + "".join(_row(line) for line in entries if line["mart"] == mart)
        )
    return "\n".join([*parts, "{% enddocs %}\n"])


def _row(line: dict[str, str]) -> str:
    counted = line["numerator"] or line["metric_name"]
    computed = {
        "none": "not added up",
        "ratio": f"`{counted}` ÷ `{line['denominator']}`",
    }.get(line["aggregation"], f"{line['aggregation']} of `{counted}`")
    of_genesys = ", ".join(filter(None, (line["genesys_metric"], line["genesys_name"])))
    text = f"{line['definition']} {line['difference'] and '*' + line['difference'] + '*'}".strip()
    cells = (f"`{line['metric_name']}`", line["label"], computed, of_genesys, text)
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
