"""A page: skeleton, style, scripts, charts and tables in one file.

Charts are Vega-Lite (`charts/*.vl.json`), compiled here, so that a wrong one stops whoever writes
the page and not who reads it. What Vega-Lite does not know stands in a chart's `usermeta`:

* `by`: what the rows of its table are grouped by. Numbers are added up, ratios are made of sums.
* `columns`: those of its table in words, which its tooltips tell as well.
* `pick`: a column of which one value at a time is shown.
* `needs`: a column without which there is nothing to draw, and `nothing`: what is said then.
"""

import base64
import hashlib
import html
import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from loader.errors import BuildFailed, DestinationError, SettingsError
from loader.report.tables import Table
from loader.seeds import FOLDER, read_seed

HERE = Path(__file__).parent
CHARTS = HERE / "charts"
_VEGA_LITE = "6.4"
# What the script of the page adds to the rows of a chart.
_ADDED = {"period", "half_hour", "value", "day_count"}
_TYPES = ("quantitative", "ordinal", "nominal", "temporal")
_TOOLTIPS = {"share": ".1%", "seconds": ",.0f", "count": ",", "number": ",.1f"}

_INK, _SOFT, _LINE = "#1c2530", "#52606d", "#dde3e9"
_CONFIG = {
    "background": "transparent",
    "font": 'system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif',
    "view": {"stroke": None},
    "axis": {
        "labelColor": _SOFT, "titleColor": _SOFT, "titleFontWeight": "normal", "gridColor": _LINE,
        "domainColor": _LINE, "tickColor": _LINE, "labelFontSize": 11, "titleFontSize": 11,
    },
    "legend": {
        "labelColor": _INK, "titleColor": _SOFT, "titleFontWeight": "normal", "labelFontSize": 12,
        "symbolType": "square",
    },
}  # fmt: skip


def written_page(
    name: str, tables: Mapping[str, Table], charts: Mapping[str, Any], facts: Mapping[str, Any]
) -> str:
    """Return the text of the page `name`.html.

    Args:
        name: `report` or `journey`.
        tables: by their names.
        charts: as `compiled_charts` returns them.
        facts: what else the script reads; of JSON's types.
    """
    vega = _vega()
    script = "(() => {\n" + _text("shared.js") + _text(f"{name}.js") + "})();"
    data = json.dumps(
        {**facts, "tables": tables, "charts": charts, "measures": measures()},
        separators=(",", ":"),
        ensure_ascii=False,
    ).replace("<", "\\u003c")
    policy = (
        f"default-src 'none'; script-src {_hash(vega)} {_hash(script)}; "
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": html.escape(policy, quote=False), "style": _text("page.css"), "data": data,
        "vega": vega, "script": script,
    }  # fmt: skip
    text = _text(f"{name}.html")
    before, *pieces = text.split("{{")
    filled = [before]
    for piece in pieces:
        part, _, after = piece.partition("}}")
        filled += [parts[part], after]
    return "".join(filled)


def write(path: Path, text: str) -> Path:
    """Write a page that nobody else on this machine reads; what was there is replaced whole.

    Raises:
        DestinationError: it cannot be written.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise DestinationError(f"{path} cannot be written: {error.strerror}.") from None
    return path


@cache
def _vega() -> str:
    """Return Vega as a script that makes `vegaEmbed`."""
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=_VEGA_LITE)
    # A script ends at the first `</script`, wherever it stands.
    return "(() => {" + bundle.replace("</script", "<\\/script") + "})();"


def measures() -> dict[str, Any]:
    """Return what columns are called and how they are written; of ratios, what is divided.

    Those of the metric dictionary, in the words of the first mart that has one, and the page's own.
    Of those a `metric` is one of the dictionary's that the views have counted in columns of theirs:
    its words are there, and `of` says which columns.

    Raises:
        SettingsError: a line of the dictionary is wrong, or one is missing.
    """
    found: dict[str, Any] = {}
    by_metric: dict[str, dict[str, Any]] = {}
    for line in read_seed(FOLDER, "metric_dictionary"):
        words: dict[str, Any] = {
            "title": line["label"], "format": line["unit"],
            "definition": f"{line['definition']} {line['difference']}".strip(),
        }  # fmt: skip
        by_metric[f"{line['mart']}.{line['metric_name']}"] = dict(words)
        if line["aggregation"] == "ratio":
            parts = [_terms(line[part]) for part in ("numerator", "denominator")]
            if not all(parts):
                continue
            words["of"] = parts
        found.setdefault(line["metric_name"], words)
    own: dict[str, dict[str, Any]] = json.loads(_text("columns.json"))
    for name, words in own.items():
        if (metric := words.pop("metric", None)) and metric not in by_metric:
            raise SettingsError(
                f"{FOLDER / 'metric_dictionary.csv'} has no line for {metric}, which the report "
                "shows; put it back."
            )
        found[name] = {**by_metric.get(metric, {}), **words}
    return found


def _terms(sum_of_columns: str) -> list[str] | None:
    """Return the columns that are added up; of anything else None."""
    terms = sum_of_columns.split(" + ")
    return terms if all(term.isidentifier() for term in terms) else None


def compiled_charts(tables: Mapping[str, Table], folder: Path = CHARTS) -> dict[str, Any]:
    """Compile the charts whose tables the page has, by their names.

    Raises:
        BuildFailed: naming the file, and the field that its table does not have.
    """
    told = measures()
    charts = {}
    for path in sorted(folder.glob("*.vl.json")):
        try:
            spec = json.loads(path.read_text(encoding="utf-8"))
            if spec["data"]["name"] in tables:
                charts[path.name.removesuffix(".vl.json")] = _compiled(spec, tables, told)
        except KeyError as error:
            raise BuildFailed(f"chart {path.name}: {error} is missing.") from None
        except ValueError as error:
            # vl-convert's first line says that it failed, the second why.
            reason = " ".join(str(error).splitlines()[:2])
            raise BuildFailed(f"chart {path.name}: {reason}") from None
    return charts


def _compiled(
    spec: dict[str, Any], tables: Mapping[str, Table], told: Mapping[str, Any]
) -> dict[str, Any]:
    import vl_convert

    title, table, meta = spec.pop("title"), spec["data"]["name"], spec.pop("usermeta")
    by, columns = meta["by"], meta["columns"]
    if has := tables[table]["columns"]:
        known = {*has, *told, *_ADDED, *_named(spec, "as")}
        for field in (*by, *columns, *_named(spec, "field")):
            if field not in known:
                raise ValueError(f"{table} has no column {field}")
    for channel in _channels(spec):
        if channel.get("type") not in _TYPES:
            raise ValueError(f"field {channel['field']} has no type of {', '.join(_TYPES)}")
    spec.setdefault("encoding", {})["tooltip"] = [
        {
            "field": column,
            "title": told[column]["title"],
            "format": _TOOLTIPS.get(told[column]["format"], ""),
        }
        for column in columns
    ]
    vega = vl_convert.vegalite_to_vega(
        {
            **spec,
            "width": "container",
            "autosize": {"type": "fit-x", "contains": "padding"},
            "config": _CONFIG,
        },
        vl_version=_VEGA_LITE,
    )
    return {"title": title, "table": table, "vega": vega, **meta}


def _named(spec: Any, key: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Walk through the names that stand under `key` anywhere in a chart."""
    if isinstance(spec, list):
        for one in spec:
            yield from _named(one, key)
    elif isinstance(spec, dict):
        for name, value in spec.items():
            if name == key and isinstance(value, str):
                yield value
            elif name == key and isinstance(value, list):
                yield from (one for one in value if isinstance(one, str))
            else:
                yield from _named(value, key)


def _channels(spec: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Walk through the encodings of fields that a chart and its layers have."""
    for layer in (spec, *spec.get("layer", ())):
        for name, channel in layer.get("encoding", {}).items():
            if name in ("x", "y", "color", "size") and "field" in channel:
                yield channel


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
