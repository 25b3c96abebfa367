"""The report, as somebody opens it: in a real browser, without a network."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from loader.errors import BuildFailed
from loader.report.page import CHARTS, compiled_charts, measures
from loader.seeds import FOLDER, read_seed
from tests.harness.place import Place
from tests.report.browser import visit
from tests.report.pages import tables_of, values_of, written

# The days that are whole, which a page shows first.
WHOLE = "2026-03-14", "2026-03-15"
CHARTS_OF_REPORT = sorted(
    path.name.removesuffix(".vl.json")
    for path in CHARTS.glob("*.vl.json")
    if not path.name.startswith("journey")
)
UNKNOWN = "\u2013"
# What no name may do to a page.
HOSTILE = [
    "</script><script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "\"quotes' & \\ {{data}} `${document.title='pwned'}`",
    "\u202eright to left\u2066 \u200b",
    "long " * 2000,
]


def cards_by_sql(place: Place, where: str = "true") -> dict[str, str]:
    """Return what the cards must say, by plain SQL on the marts."""
    days = f"interval_kind = 'day' and report_date between '{WHOLE[0]}' and '{WHOLE[1]}'"
    [(offered, answered, abandoned, level, speed, handle)] = place.query(
        "select sum(offered_count), 100.0 * sum(answered_count) / sum(offered_count),"
        " 100.0 * sum(abandoned_count) / sum(offered_count),"
        " 100.0 * sum(service_level_numerator) / sum(service_level_denominator),"
        " sum(answer_seconds) / sum(answered_count), sum(handle_seconds) / sum(handled_count)"
        " from genesys_marts.fct_queue_intervals"
        " join genesys_marts.dim_queues using (queue_id)"
        f" where {days} and {where}"
    )
    [(occupancy,)] = place.query(
        "select 100.0 * sum(interacting_seconds)"
        " / sum(interacting_seconds + communicating_seconds + idle_seconds)"
        f" from genesys_marts.fct_agent_intervals where {days}"
    )
    return {
        "offered_count": f"{offered:,}",
        "answer_rate": f"{answered:.1f} %",
        "abandon_rate": f"{abandoned:.1f} %",
        "service_level": f"{level:.1f} %",
        "average_speed_of_answer_seconds": in_minutes(float(speed)),
        "aht_seconds": in_minutes(float(handle)),
        "occupancy": f"{occupancy:.1f} %",
    }


def in_minutes(seconds: float) -> str:
    """Write a time as the page does."""
    whole = int(seconds + 0.5)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02} min"


def busiest_queue(place: Place) -> str:
    """Return the queue that was offered most."""
    [(name,)] = place.query(
        "select queue_name from genesys_report.rpt_queue_intervals where interval_kind = 'day'"
        " group by queue_name order by sum(offered_count) desc, queue_name limit 1"
    )
    return str(name)


def test_cards_tell_what_sql_tells_in_the_words_of_the_dictionary(
    browser: Browser, built: Place, report: Path
) -> None:
    labels = {
        line["metric_name"]: line["label"]
        for line in reversed(read_seed(FOLDER, "metric_dictionary"))
        if line["mart"] in ("fct_queue_intervals", "fct_agent_intervals")
    }
    expected = cards_by_sql(built)
    with visit(browser, report) as page:
        assert {name: page.value(name) for name in expected} == expected
        titles = page.page.locator("#cards dt").all_inner_texts()
        assert titles == [labels[name] for name in expected]
        speed = page.card("average_speed_of_answer_seconds").inner_text()
        voice = cards_by_sql(built, "media_type = 'voice'")["average_speed_of_answer_seconds"]
        assert f"{voice} voice" in speed


def test_containment_and_our_own_service_level_are_those_of_the_facts(
    browser: Browser, built: Place, report: Path
) -> None:
    flows = built.query(
        "select flow_name, count(*), count(*) filter (where is_contained)"
        " from genesys_marts.fct_flow_executions join genesys_marts.dim_flows using (flow_id)"
        " where is_entry_run and is_contained is not null"
        f" and started_date between '{WHOLE[0]}' and '{WHOLE[1]}' group by flow_name"
    )
    [(own, target)] = built.query(
        "select 100.0 * count(*) filter (where is_within_service_level) / count(*),"
        " 100.0 * avg(service_level_share) from genesys_marts.fct_queue_visits"
        " where is_within_service_level is not null"
        f" and entered_date between '{WHOLE[0]}' and '{WHOLE[1]}'"
    )
    with visit(browser, report) as page:
        figure = page.chart("containment")
        figure.get_by_text("as a table").click()
        figure.locator("tbody tr").first.wait_for()
        told = [line[:3] for line in page.rows(figure.locator("table"))]
        assert len(told) > 2
        assert sorted(told) == sorted([name, str(runs), str(kept)] for name, runs, kept in flows)
        shares = [f"{100 * kept / runs:.1f} %" for _, runs, kept in flows]
        assert sorted(shares) == sorted(line[3] for line in page.rows(figure.locator("table")))
        level = page.card("service_level").inner_text()
        assert f"{own:.1f} % service level by own targets" in level
        assert f"{target:.1f} % own target" in level


def test_ratios_that_the_page_makes_are_metrics_of_the_dictionary(
    built: Place, report: Path
) -> None:
    """Their words, and what is divided by what, as the mart has it."""
    lines = {
        f"{line['mart']}.{line['metric_name']}": line
        for line in read_seed(FOLDER, "metric_dictionary")
    }
    own = json.loads((CHARTS.parent / "columns.json").read_text(encoding="utf-8"))
    told, tables = measures(), tables_of(report)
    ratios = {name: words for name, words in own.items() if "of" in words}
    assert len(ratios) == 5
    for name, words in ratios.items():
        line = lines[words["metric"]]
        assert told[name]["title"] == line["label"]
        assert told[name]["definition"] == f"{line['definition']} {line['difference']}".strip()
        columns = {column for part in words["of"] for column in part}
        table = next(one for one in tables.values() if columns <= set(one["columns"]))
        # A target is no ratio of the dictionary's, and values that few have are not on the page.
        if line["aggregation"] != "ratio" or "attribute_value" in table["columns"]:
            continue
        day = "entered_date" if line["mart"] == "fct_queue_visits" else "started_date"
        [expected] = built.query(
            f"select coalesce(sum({line['numerator']}), 0), coalesce(sum({line['denominator']}), 0)"
            f" from genesys_marts.{line['mart']} where {day} between '{WHOLE[0]}' and '{WHOLE[1]}'"
        )
        values = {
            column: values_of(table["columns"][column], table["length"])
            for column in (*columns, "report_date")
        }
        days = values.pop("report_date")
        found = [
            sum(value or 0 for column in part
                for value, day in zip(values[column], days, strict=True) if day in WHOLE)
            for part in words["of"]
        ]  # fmt: skip
        assert found == list(expected), name


def test_own_targets_are_told_and_ranges_end_with_the_newest_whole_day(
    browser: Browser, report: Path
) -> None:
    with visit(browser, report, "from=2026-03-15&channel=voice") as page:
        told = page.page.locator("#targets").inner_text()
        assert "voice 80 % in 20 s. Genesys counts by those" in told
        everything = page.page.get_by_role("button", name="all", exact=True)
        assert everything.get_attribute("aria-pressed") == "false"
        everything.click()
        page.shown("channel=voice")
        assert everything.get_attribute("aria-pressed") == "true"
        page.page.get_by_role("button", name="Reset").click()
        page.shown("")
        assert "email 80 % in 24:00 h" in page.page.locator("#targets").inner_text()


def test_a_queue_that_is_chosen_is_chosen_everywhere(
    browser: Browser, built: Place, report: Path
) -> None:
    queue = busiest_queue(built)
    expected = cards_by_sql(built, f"queue_name = '{queue}'")
    with visit(browser, report) as page:
        everything = page.value("offered_count")
        page.page.get_by_role("button", name=queue, exact=True).click()
        page.shown(f"queue={queue.replace(' ', '+')}")
        assert {name: page.value(name) for name in expected} == expected
        assert "all queues" in page.card("occupancy").inner_text()
        assert page.page.locator("#queue").input_value() == queue
        figure = page.chart("offered_by_day")
        figure.get_by_text("as a table").click()
        figure.locator("tbody tr").first.wait_for()
        lines = page.rows(figure.locator("table"))
        assert [line[0] for line in lines] == ["Sat 14 Mar", "Sun 15 Mar"]
        assert f"{sum(int(line[1]) for line in lines):,}" == expected["offered_count"]
        page.page.go_back()
        page.shown("")
        assert page.value("offered_count") == everything


def test_an_address_shows_what_it_showed(browser: Browser, built: Place, report: Path) -> None:
    """One day and one channel, beside the day before it."""
    by_day: dict[str, int] = dict(
        built.query(
            "select cast(report_date as text), sum(offered_count)"
            " from genesys_marts.fct_queue_intervals"
            " where interval_kind = 'day' and media_type = 'voice' group by report_date"
        )
    )
    address = "from=2026-03-15&channel=voice"
    with visit(browser, report, address) as page:
        assert page.value("offered_count") == str(by_day["2026-03-15"])
        before = page.card("offered_count").inner_text()
        assert f"{by_day['2026-03-14']} on the day before" in before
        page.page.locator("#from").fill("2026-03-14")
        page.shown("channel=voice")
        both = by_day["2026-03-14"] + by_day["2026-03-15"]
        assert page.value("offered_count") == str(both)
        page.page.get_by_role("button", name="Reset").click()
        page.shown("")
        assert page.page.locator("#channel").input_value() == ""


def test_every_chart_has_marks_and_a_table_and_nobody_is_left_out(
    browser: Browser, report: Path
) -> None:
    """Days that are not whole are pale; axe looks at all of it, tables opened."""
    with visit(browser, report, "to=2026-03-16") as page:
        names = [one.get_attribute("data-chart") for one in page.page.locator("figure").all()]
        assert sorted(filter(None, names)) == CHARTS_OF_REPORT
        for name in CHARTS_OF_REPORT:
            figure = page.chart(name)
            if name == "repeat_contacts":
                assert "Nobody was observed for as long" in figure.inner_text()
                continue
            assert figure.locator("svg [aria-roledescription] path, svg path[role]").count(), name
            figure.get_by_text("as a table").click()
            figure.locator("tbody tr").first.wait_for()
        bars = page.chart("offered_by_day").locator("svg .mark-rect path[opacity='0.4']")
        assert bars.count() > 0
        assert "Not whole, and pale: Mon 16 Mar" in page.page.locator("#freshness").inner_text()
        assert page.violations() == []


def test_the_keyboard_is_enough(browser: Browser, built: Place, report: Path) -> None:
    with visit(browser, report) as page:
        keyboard = page.page.keyboard
        page.page.locator("#to").focus()
        for _ in range(6):
            keyboard.press("Tab")
            if page.page.evaluate("document.activeElement.id") == "queue":
                break
        keyboard.press("ArrowDown")
        first = page.page.locator("#queue").input_value()
        assert first
        page.shown(f"queue={first.replace(' ', '+')}")
        summary = page.chart("service_level_by_day").locator("summary")
        summary.focus()
        keyboard.press("Enter")
        page.chart("service_level_by_day").locator("tbody tr").first.wait_for()
        heading = page.page.get_by_role("region", name="Queues").locator("th button").first
        heading.focus()
        keyboard.press("Enter")
        queues = page.page.get_by_role("region", name="Queues")
        names = [line[0] for line in page.rows(queues)]
        assert len(names) > 3
        assert names == sorted(names, key=str.casefold)
        assert page.page.evaluate("document.activeElement.textContent") == "Queue"


def test_nothing_is_wider_than_the_window(browser: Browser, report: Path) -> None:
    for width in (390, 768, 1280):
        with visit(browser, report, width=width) as page:
            assert page.width() <= width


def test_more_than_sixty_days_are_weeks(browser: Browser, report: Path) -> None:
    with visit(browser, report, "from=2025-12-01") as page:
        figure = page.chart("offered_by_day")
        figure.get_by_text("as a table").click()
        figure.locator("tbody tr").first.wait_for()
        assert [line[0] for line in page.rows(figure.locator("table"))] == ["9 Mar 26"]


def test_the_page_names_nobody_unless_it_is_asked_to(built: Place, report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    nobody = {
        str(value)
        for (value,) in built.query(
            "select conversation_id from genesys_marts.fct_interactions"
            " union select user_id from genesys_marts.dim_users"
            " union select user_name from genesys_marts.dim_users"
            " union select email from genesys_marts.dim_users where email is not null"
            " union select contact_id from genesys_marts.dim_contacts"
            " union select external_id from genesys_marts.bridge_contact_external_ids"
        )
    }
    assert len(nobody) > 300
    assert [value for value in nobody if value in text] == []
    assert report.stat().st_mode & 0o777 == 0o600
    names = {name for (name,) in built.query("select user_name from genesys_report.rpt_agents")}
    with_agents = written(built, "--agents", "--out", "agents.html").read_text(encoding="utf-8")
    assert len(names) > 5
    assert all(name in with_agents for name in names)


def test_values_of_personal_and_unregistered_attributes_stay_away(
    built: Place, report: Path
) -> None:
    shown = {
        name
        for (name,) in built.query("select column_name from genesys_report.rpt_attribute_values")
    }
    kept = {line["column_name"] for line in read_seed(FOLDER, "attribute_registry")
            if line["is_pii"] != "true"}  # fmt: skip
    assert shown
    assert shown <= kept
    told = tables_of(report)["attributes"]["columns"]["attribute_name"]["words"]
    assert set(told) <= {line["name"] for line in read_seed(FOLDER, "attribute_registry")}


def test_a_page_lets_no_script_of_others_run_and_sends_nothing(
    browser: Browser, report: Path
) -> None:
    with visit(browser, report) as page:
        answer = "fetch('https://example.invalid/').then(() => 'sent', () => 'refused')"
        assert page.page.evaluate(answer) == "refused"
        page.page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'),"
            " {textContent: \"document.title = 'pwned'\"}))"
        )
        assert page.page.title() == "Contact centre report"
        assert len(page.said) >= 2
        assert all("Content Security Policy" in said for said in page.said)
        page.said.clear()


@pytest.fixture
def copy(built: Place, tmp_path: Path) -> Place:
    """Return a copy of the place, to be changed."""
    return Place(built.sandbox, tmp_path, settings=dict(built.settings), begin=built)


def test_hostile_names_are_shown_and_nothing_else(browser: Browser, copy: Place) -> None:
    quoted = ["'" + text.replace("'", "''") + "'" for text in HOSTILE]
    named = "[" + ", ".join(quoted) + "]"
    copy.change(
        *(
            f"update genesys_marts.{table} set {column} = ({named})[number] from ("
            f" select {key} as changed, row_number() over (order by {key}) as number"
            f" from genesys_marts.{table} where {key} in (select {key} from {used})) as those"
            f" where {key} = changed and number <= {len(HOSTILE)}"
            for table, column, key, used in (
                ("dim_queues", "queue_name", "queue_id", "genesys_marts.fct_queue_intervals"),
                ("dim_flows", "flow_name", "flow_id", "genesys_marts.fct_flow_outcomes"),
            )
        ),
        *(
            f"update genesys_marts.fct_participant_attributes set value_text = {text}"
            f" where column_name = 'language' and value_text = (select value_text from"
            f" genesys_marts.fct_participant_attributes where column_name = 'language'"
            f" and value_text not in ({', '.join(quoted)}) group by 1 order by count(*) desc"
            " limit 1)"
            for text in quoted[:2]
        ),
    )
    with visit(browser, written(copy), width=390) as page:
        assert page.page.title() == "Contact centre report"
        shown = page.page.locator("#queue option").evaluate_all("all => all.map(one => one.value)")
        assert set(HOSTILE) <= set(shown)
        assert page.width() <= 390
        page.page.locator("#queue").select_option(HOSTILE[0])
        page.page.locator(r"html[data-shown^='queue=%3C%2Fscript']").wait_for(state="attached")
        assert page.value("offered_count") != UNKNOWN


def test_an_empty_warehouse_has_a_page_that_says_so(
    browser: Browser, built: Place, copy: Place, tmp_path: Path
) -> None:
    """Before the first load, after it, and where all that was built has no rows."""
    nowhere = Place(built.sandbox, tmp_path / "nowhere")
    for table, kind in copy.query(
        "select table_name, table_type from information_schema.tables"
        " where table_schema = 'genesys_marts'"
    ):
        if kind == "BASE TABLE":
            copy.change(f"delete from genesys_marts.{table}")
    for place in (nowhere, copy):
        with visit(browser, written(place)) as page:
            assert page.value("offered_count") == UNKNOWN
            reasons = page.page.locator("figure .nothing").all_inner_texts()
            assert reasons == ["Nothing of it was loaded in the days of this page."] * len(reasons)
            assert len(reasons) == len(CHARTS_OF_REPORT)
            assert "Nothing has been loaded" in page.page.locator("#freshness").inner_text()
            assert page.violations() == []
    assert not nowhere.database.exists()
    copy.change("drop view genesys_report.rpt_people")
    assert "genesys_report.rpt_people is not built" in copy.run("report").error(6)


def test_a_single_day_is_a_page(browser: Browser, built: Place) -> None:
    path = written(built, "--from", "2026-03-15", "--to", "2026-03-15", "--out", "day.html")
    assert tables_of(path)["queue_days"]["columns"]["report_date"]["words"] == ["2026-03-15"]
    with visit(browser, path) as page:
        assert int(page.value("offered_count")) > 0
        assert "before" not in page.card("offered_count").inner_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--from", "yesterday"], 2, "--from 'yesterday' must be a date such as 2026-03-01."),
        (["--from", "2026-03-15", "--to", "2026-03-14"], 2, "is after --to 2026-03-14."),
        (["--from", "2027-01-01"], 2, "--from 2027-01-01 is after the newest day, 2026-03-16."),
        (["--out", "/proc/report.html"], 6, "/proc/report.html cannot be written"),
    ],
)
def test_what_cannot_be_meant_is_said(
    built: Place, arguments: list[str], code: int, words: str
) -> None:
    assert words in built.run("report", *arguments).error(code)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"usermeta": {"by": ["period"], "columns": ["n"]}}, "queue_days has no column n"),
        ({"encoding": {"x": {"field": "period", "type": "number"}}}, "field period has no type of"),
        ({"title": None}, "'title' is missing"),
        ({"encoding": {"x": {"field": "offerd", "type": "nominal"}}}, "no column offerd"),
    ],
)  # fmt: skip
def test_a_wrong_chart_is_named_with_its_field(
    report: Path, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    chart = {
        "title": "A chart", "data": {"name": "queue_days"}, "mark": "bar",
        "usermeta": {"by": ["period"], "columns": ["period", "offered_count"]},
        "encoding": {"x": {"field": "offered_count", "type": "quantitative"}},
        **change,
    }  # fmt: skip
    kept = {name: value for name, value in chart.items() if value is not None}
    (tmp_path / "wrong.vl.json").write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(BuildFailed, match=r"chart wrong\.vl\.json") as error:
        compiled_charts(tables_of(report), tmp_path)
    assert words in str(error.value)


def test_a_journey_is_drawn_by_its_segments(browser: Browser, built: Place) -> None:
    [(external_id, contact_id, steps)] = built.query(
        "select external_id, canonical_contact_id, count(distinct conversation_id)"
        " from genesys_marts.bridge_contact_external_ids"
        " join genesys_marts.fct_journey_steps using (canonical_contact_id)"
        " group by 1, 2 order by count(distinct handoff_type) desc, 3 desc, 1 limit 1"
    )
    built.run("journey", external_id).succeeded()
    path = built.folder / "data" / "journey.html"
    assert path.stat().st_mode & 0o777 == 0o600
    [(segments, talk)] = built.query(
        "select count(*), sum(segments.duration_seconds)"
        " filter (where participant_purpose = 'agent' and segment_type = 'interact')"
        " from genesys_marts.fct_conversation_segments as segments"
        " join genesys_marts.fct_journey_steps using (conversation_id)"
        f" where canonical_contact_id = '{contact_id}'"
        " and participant_purpose not in ('customer', 'external')"
    )
    phases = tables_of(path)["segments"]
    assert phases["length"] == segments > steps > 1
    columns = phases["columns"]
    kinds = values_of(columns["phase"], segments)
    told = sum(lasts for kind, lasts in zip(kinds, columns["lasts"], strict=True)
               if kind == "talking")  # fmt: skip
    assert told == pytest.approx(float(talk), abs=0.01)
    with visit(browser, path, width=390) as page:
        assert page.page.locator("h1").inner_text() == f"Journey of {external_id}"
        assert len(page.rows(page.page.locator("#steps"))) == steps
        assert page.page.locator("section figure svg").count() == steps
        assert page.width() <= 390
        assert page.violations() == []
    assert "CONTACT 'nobody': no contact" in built.run("journey", "nobody").error(2)
