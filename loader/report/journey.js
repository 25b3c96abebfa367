
// One person's journey: all conversations, then each with its phases.

const MOST_STEPS = 60;

const outcomeOf = (row) =>
  row.is_open ? "goes on" : row.is_connected ? "connected" : row.is_abandoned ? "abandoned" : row.is_connected === null ? null : "not connected";
const joinsOf = (row) =>
  row.handoff_type
    ? `${row.handoff_type.replaceAll("_", " ")}, ${duration(Math.abs(row.handoff_gap_seconds))} ${row.handoff_gap_seconds < 0 ? "before it ended" : "after it"}`
    : row.is_repeat_contact ? "came back" : null;

async function begin() {
  const steps = tables.steps.sort((one, other) => one.step_number - other.step_number);
  for (const row of steps) Object.assign(row, { outcome: outcomeOf(row), joins: joinsOf(row) });
  document.querySelector("h1").textContent = `Journey of ${page.contact}`;
  const kept = steps.slice(-MOST_STEPS);
  const more = steps.length - kept.length;
  document.getElementById("told").textContent =
    `${steps.length} conversations, ${new Set(steps.map((row) => row.node_number)).size} contacts. Times are those of ${page.zone}.` +
    (more ? ` The first ${more} have no picture of their own.` : "");

  await drawn(document.querySelector("figure"), page.charts.journey_steps, steps);
  fill(document.getElementById("steps"),
    ["step_number", "channel_type", "started_at", "queue_name", "user_name", "wrapup_code_name", "outcome", "joins", "duration_seconds"], steps);

  for (const row of kept) {
    const section = element("section");
    section.append(element("h2", `${row.step_number}. ${row.channel_type ?? "conversation"}, ${row.started_at ?? "at an unknown time"}`));
    const words = [row.queue_name, row.user_name, row.wrapup_code_name && `wrapped up as ${row.wrapup_code_name}`, row.outcome, row.joins];
    const told = section.appendChild(element("p", `${words.filter(Boolean).join("; ")} `));
    told.append(element("small", row.conversation_id));
    document.getElementById("phases").append(section);
    const rows = tables.segments.filter((segment) => segment.step_number === row.step_number);
    if (!rows.length) section.append(element("p", "The source does not tell its phases.", { class: "nothing" }));
    else await drawn(section.appendChild(element("figure")), page.charts.journey_step, rows);
  }
  document.documentElement.dataset.ready = Math.round(performance.now());
}

begin();
