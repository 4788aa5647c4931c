"use strict";
// The page of one trace. What it shows comes from a log, and so from anybody: it becomes text,
// never markup. Rows are made for what is in sight, so that 10,000 calls scroll as ten do.
const data = JSON.parse(document.getElementById("data").textContent);
const calls = data.calls;
const HEIGHT = 26, MORE = 15;
const grid = document.getElementById("grid"), rows = document.getElementById("rows");
const filter = document.getElementById("filter"), told = document.getElementById("told");
const details = document.getElementById("details");
const only = { failed: document.getElementById("failed"), critical: document.getElementById("path") };
const closed = new Set(), opened = new Set();  // by hand; by what the filter found below
let shown = [], active = 0, from = data.begin, to = data.end, printing = false;

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function ms(value) {
  if (value === null || value === undefined) return "";
  if (value < 1000) return `${value} ms`;
  if (value < 60000) return `${(value / 1000).toFixed(2)} s`;
  const minutes = Math.floor(value / 60000);
  if (minutes < 60) return `${minutes} min ${String(Math.floor(value / 1000) % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

// -- which rows

function matches(call, words) {
  if (only.failed.checked && !call.failed) return false;
  if (only.critical.checked && !call.critical) return false;
  return words.every((word) => call.text.includes(word));
}

function choose() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const filtered = words.length || only.failed.checked || only.critical.checked;
  const keep = new Set();
  let found = 0;
  opened.clear();
  if (filtered) {
    calls.forEach((call, at) => {
      if (!matches(call, words)) return;
      found += 1;
      keep.add(at);
      for (let up = call.parent; up >= 0 && !opened.has(up); up = calls[up].parent) {
        keep.add(up);
        opened.add(up);
      }
    });
  }
  const was = shown[active];
  shown = [];
  let under = -1;
  calls.forEach((call, at) => {
    if (under >= 0 && call.depth > under) return;
    under = -1;
    if (filtered && !keep.has(at)) return;
    shown.push(at);
    if (folded(at)) under = call.depth;
  });
  active = Math.max(0, shown.indexOf(was));
  told.textContent = filtered ? `${found} of ${calls.length} calls match` : `${calls.length} calls`;
  grid.setAttribute("aria-rowcount", String(shown.length + 1));
  draw();
}

function folded(at) {
  return closed.has(at) && !opened.has(at);
}

// -- drawing

function bar(kind, start, length) {
  const scale = 100 / Math.max(to - from, 1);
  const made = element("i", `bar ${kind}`);
  made.style.left = `${(start - from) * scale}%`;
  made.style.width = `${Math.max(length * scale, 0)}%`;
  return made;
}

function rowOf(place) {
  const at = shown[place], call = calls[at];
  const row = element("div", `row ${call.failed ? "failed" : call.open ? "open" : ""}`);
  row.id = `row-${at}`;
  row.setAttribute("role", "row");
  row.setAttribute("aria-rowindex", String(place + 2));
  row.setAttribute("aria-level", String(call.depth + 1));
  row.setAttribute("aria-setsize", String(call.siblings));
  row.setAttribute("aria-posinset", String(call.position));
  row.setAttribute("aria-selected", String(place === active));
  if (place === active) row.classList.add("active");
  if (!printing) row.style.top = `${place * HEIGHT}px`;
  const name = element("span", "call");
  name.setAttribute("role", "rowheader");
  name.style.paddingLeft = `min(${call.depth * 14}px, 40%)`;
  if (call.parts) {
    row.setAttribute("aria-expanded", String(!folded(at)));
    const fold = element("button", "", folded(at) ? "▸" : "▾");
    fold.tabIndex = -1;
    fold.setAttribute("aria-label", folded(at) ? "expand" : "collapse");
    fold.addEventListener("click", (event) => { event.stopPropagation(); toggle(at); });
    name.append(fold);
  }
  name.append(element("span", "", `${call.mark} ${call.words}${call.slowest ? "  ◂ slowest" : ""}`));
  name.title = `${call.words} (level ${call.depth + 1})`;
  const cells = [name, element("span", "number wide", ms(call.start)),
    element("span", "number", ms(call.took)), element("span", "exit", call.exit)];
  const time = element("span", "time");
  if (call.startup) time.append(bar("start", call.start - call.startup, call.startup));
  time.append(bar(call.critical ? "own" : "beside", call.start, call.took || 0));
  for (const step of call.steps) time.append(bar("step", call.start + step.at, step.took || 0));
  time.setAttribute("aria-hidden", "true");
  cells.push(time);
  cells.slice(1).forEach((cell) => cell.setAttribute("role", "gridcell"));
  row.append(...cells);
  row.addEventListener("click", () => { move(place); open(); });
  return row;
}

function draw() {
  rows.style.height = `${shown.length * HEIGHT}px`;
  const last = Math.max(0, (shown.length + 2) * HEIGHT - grid.clientHeight);  // the old rows still hold it
  if (!printing && grid.scrollTop > last) grid.scrollTop = last;
  const top = Math.max(0, Math.floor(grid.scrollTop / HEIGHT) - MORE);
  const count = Math.ceil(grid.clientHeight / HEIGHT) + 2 * MORE;
  const begin = printing ? 0 : top, end = printing ? shown.length : Math.min(shown.length, top + count);
  const made = [];
  for (let place = begin; place < end; place += 1) made.push(rowOf(place));
  rows.replaceChildren(...made);
  document.getElementById("axis").textContent = `${ms(Math.round(from))} – ${ms(Math.round(to))}`;
  const row = document.getElementById(`row-${shown[active]}`);
  if (row) grid.setAttribute("aria-activedescendant", row.id);
  else grid.removeAttribute("aria-activedescendant");
}

// -- moving about

function move(place) {
  active = Math.min(Math.max(place, 0), Math.max(shown.length - 1, 0));
  const top = active * HEIGHT, room = grid.clientHeight - HEIGHT;
  if (top < grid.scrollTop) grid.scrollTop = top;
  else if (top + HEIGHT > grid.scrollTop + room) grid.scrollTop = top + HEIGHT - room;
  draw();
  if (!details.hidden) open();
}

function toggle(at) {
  if (closed.has(at)) closed.delete(at); else closed.add(at);
  choose();
}

function zoom(factor, around) {
  const middle = around === undefined ? (from + to) / 2 : around;
  const span = Math.min(Math.max((to - from) * factor, 1), data.end - data.begin);
  const share = (middle - from) / Math.max(to - from, 1);
  from = Math.min(Math.max(middle - span * share, data.begin), data.end - span);
  to = from + span;
  draw();
}

function pan(share) {
  const span = to - from;
  from = Math.min(Math.max(from + span * share, data.begin), data.end - span);
  to = from + span;
  draw();
}

function open() {
  if (!shown.length) return;
  const call = calls[shown[active]];
  const list = element("dl");
  for (const [name, value] of Object.entries(call.details)) {
    list.append(element("dt", "", name));
    list.append(element("dd", name === "error" ? "bad" : "",
      typeof value === "string" ? value : JSON.stringify(value, null, 1)));
  }
  details.replaceChildren(element("h2", "", `${call.mark} ${call.words}`), list);
  details.hidden = false;
}

const keys = {
  ArrowDown: () => move(active + 1), ArrowUp: () => move(active - 1),
  PageDown: () => move(active + 20), PageUp: () => move(active - 20),
  Home: () => move(0), End: () => move(shown.length - 1),
  ArrowRight: () => { const at = shown[active];
    if (folded(at)) toggle(at); else if (calls[at].parts) move(active + 1); },
  ArrowLeft: () => { const at = shown[active];
    if (calls[at].parts && !folded(at) && !opened.has(at)) toggle(at);
    else if (calls[at].parent >= 0) move(shown.indexOf(calls[at].parent)); },
  Enter: open, Escape: () => { details.hidden = true; },
  "+": () => zoom(0.5, middle()), "=": () => zoom(0.5, middle()), "-": () => zoom(2),
  "0": () => { from = data.begin; to = data.end; draw(); },
  "[": () => pan(-0.5), "]": () => pan(0.5),
};

function middle() {
  const call = calls[shown[active]];
  return call ? call.start + (call.took || 0) / 2 : undefined;
}

grid.addEventListener("keydown", (event) => {
  const act = keys[event.key];
  if (!act || !shown.length || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== filter) {
    event.preventDefault();
    filter.focus();
  } else if (event.key === "Escape" && document.activeElement === filter) {
    filter.value = "";
    choose();
    grid.focus();
  }
});
grid.addEventListener("scroll", draw, { passive: true });
grid.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1.25 : 0.8);
}, { passive: false });
filter.addEventListener("input", choose);
for (const box of Object.values(only)) box.addEventListener("change", choose);
document.getElementById("in").addEventListener("click", () => zoom(0.5, middle()));
document.getElementById("out").addEventListener("click", () => zoom(2));
document.getElementById("all").addEventListener("click", keys["0"]);
addEventListener("resize", draw);
addEventListener("beforeprint", () => { printing = true; draw(); });
addEventListener("afterprint", () => { printing = false; draw(); });
document.getElementById("app").hidden = false;
choose();
