"use strict";
// Whatever a target said is put in as text, never as markup.
const find = (selector, from = document) => from.querySelector(selector);
const make = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

// ---- light, dark, or as the system is
const themes = ["as the system", "light", "dark"];
const themeButton = find("#theme");
function setTheme(name) {
  if (name === themes[0]) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  themeButton.textContent = "Theme: " + name;
  themeButton.dataset.name = name;
}
function kept(name) {
  try {
    if (name) localStorage.setItem("corrbench-theme", name);
    return localStorage.getItem("corrbench-theme");
  } catch { return null; } // a page that may keep nothing
}
setTheme(themes.includes(kept()) ? kept() : themes[0]);
themeButton.hidden = false;
themeButton.addEventListener("click", () => {
  const next = themes[(themes.indexOf(themeButton.dataset.name) + 1) % themes.length];
  setTheme(next);
  kept(next);
});

// ---- copying
async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // an older browser, or a page opened from a file
    const area = make("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}
for (const button of document.querySelectorAll(".reproduce .copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button, find("code", button.parentElement).textContent));
}

// ---- tables as cards, on a narrow page
function label(table) { // each figure with the head of its column, which is out of sight then
  const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, place) => { cell.dataset.label = heads[place]; });
  }
}
document.querySelectorAll(".scroll table").forEach(label);

// ---- the table of results
const PAGE = 100;
const data = JSON.parse(find("#data").textContent);
const { lists, columns } = data;
const total = columns.check.length;
const dtypes = lists.tail.map((tail) => tail.split(" ")[0]);
const form = find("#filter"), table = find("#table"), body = find("tbody", table), more = find("#more");
const findings = new Set(["fail", "crash", "timeout", "memory", "error"]);
let chosen = [], shown = 0, sorted = { key: "", down: false };

const caseOf = (row) => lists.head[columns.head[row]] + (lists.tail[columns.tail[row]] ? " dtype=" + lists.tail[columns.tail[row]] : "");
const word = (name, row) => lists[name][columns[name][row]];
const quoted = (text) => /^[\w@%+=:,./-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\"'\"'") + "'";
function command(row) {
  if (data.odd[row]) return data.odd[row];
  const status = word("status", row);
  const [start, end] = data.commands[columns.target[row]] || ["", ""];
  if (!start || !(findings.has(status) || status === "warn" || status === "known")) return "";
  return start + " --check " + word("check", row) + " --case " + quoted(caseOf(row)) + end;
}
const figure = (value) => value === null ? "" : typeof value === "string" ? value : value !== 0 && (value < 1e-3 || value >= 1e5) ? value.toExponential(1) : String(value);
const order = {
  status: (row) => lists.status[columns.status[row]],
  check: (row) => word("check", row),
  case: (row) => caseOf(row),
  ratio: (row) => columns.ratio[row] === null ? -1 : Number(String(columns.ratio[row]).replace("inf", "Infinity")),
  bits: (row) => columns.bits[row] === null ? Infinity : Number(String(columns.bits[row]).replace("inf", "Infinity")),
};

function options(name, words) {
  const select = form.elements[name];
  for (const text of words) select.append(new Option(text, text));
}
function choose() {
  const want = Object.fromEntries(new FormData(form));
  const words = want.text.toLowerCase().split(/\s+/).filter(Boolean);
  chosen = [];
  for (let row = 0; row < total; row++) {
    if (want.status === "findings" ? !findings.has(word("status", row)) : want.status && word("status", row) !== want.status) continue;
    if (want.check && word("check", row) !== want.check) continue;
    if (want.dtype && dtypes[columns.tail[row]] !== want.dtype) continue;
    if (want.target && word("target", row) !== want.target) continue;
    if (want.cause && String(columns.cause[row]) !== want.cause) continue;
    if (words.length) {
      const text = (word("check", row) + " " + caseOf(row) + " " + word("message", row)).toLowerCase();
      if (!words.every((part) => text.includes(part))) continue;
    }
    chosen.push(row);
  }
  if (sorted.key) {
    const by = order[sorted.key], keys = new Map(chosen.map((row) => [row, by(row)])), sign = sorted.down ? -1 : 1;
    chosen.sort((a, b) => {
      const p = keys.get(a), q = keys.get(b);
      return p < q ? -sign : p > q ? sign : a - b;
    });
  } else { // findings first
    chosen.sort((a, b) => findings.has(word("status", b)) - findings.has(word("status", a)) || a - b);
  }
  body.replaceChildren();
  shown = 0;
  show();
}
function show() {
  const rows = document.createDocumentFragment();
  for (const row of chosen.slice(shown, shown + PAGE)) {
    const line = make("tr"), text = make("td"), last = make("td"), status = word("status", row), typed = command(row);
    line.append(make("td", "status " + status, status), make("td", "", word("check", row)));
    text.append(make("code", "", caseOf(row)));
    if (word("message", row)) text.append(make("span", "said", word("message", row)));
    line.append(text, make("td", "n", figure(columns.ratio[row])), make("td", "n", figure(columns.bits[row])));
    if (typed) {
      const button = make("button", "copy", "Copy");
      button.type = "button";
      button.title = typed;
      button.addEventListener("click", () => copy(button, typed));
      last.append(button);
    }
    line.append(last);
    rows.append(line);
  }
  body.append(rows);
  label(table);
  shown = Math.min(shown + PAGE, chosen.length);
  more.hidden = shown >= chosen.length;
  more.textContent = "Show " + Math.min(PAGE, chosen.length - shown) + " more";
  find("#count").textContent = chosen.length.toLocaleString("en") + " of " + total.toLocaleString("en") + " results" +
    (shown < chosen.length ? "; the first " + shown + " are shown" : "") +
    (data.shortened ? ". Messages are cut to " + data.shortened + " characters here; --json holds them whole" : "") + ".";
}
if (total) {
  if (lists.status.some((name) => findings.has(name))) form.elements.status.append(new Option("all findings", "findings"));
  options("status", lists.status);
  options("check", [...lists.check].sort());
  options("dtype", [...new Set(dtypes)].filter(Boolean));
  options("target", lists.target);
  const causes = Math.max(0, ...new Set(columns.cause));
  options("cause", Array.from({ length: causes }, (_, index) => String(index + 1)));
  form.elements.cause.parentElement.hidden = !causes;
  form.hidden = table.hidden = false;
  form.addEventListener("input", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(choose));
  more.addEventListener("click", show);
  for (const button of table.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      const key = button.dataset.sort;
      sorted = { key, down: sorted.key === key ? !sorted.down : key === "ratio" };
      for (const other of table.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
      button.parentElement.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      choose();
    });
  }
  choose();
} else {
  find("#count").textContent = "No results.";
}

// ---- on paper everything is open
addEventListener("beforeprint", () => {
  for (const closed of document.querySelectorAll("details:not([open])")) closed.open = true;
});
