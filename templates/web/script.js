// What pages do beside being read: the chosen appearance, the reader's own time, what is new to
// them, and search as you type. All of it can be missing, and nothing of it is sent anywhere.
// This file stands before the style sheet, so that nothing is painted twice.
"use strict";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const HALF_AN_HOUR = 30 * 60 * 1000;

function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage may be forbidden
  }
}

function keep(name, value) {
  try {
    if (value) localStorage.setItem(name, value);
    else localStorage.removeItem(name);
  } catch {
    // then it holds for this page
  }
}

// A choice is kept only while it differs from what the system wants.

function wanted() {
  return dark.matches ? "dark" : "light";
}

function chosen() {
  const theme = recall("theme");
  return theme === "dark" || theme === "light" ? theme : null;
}

function choose(theme) {
  const choice = theme === wanted() ? null : theme;
  keep("theme", choice);
  show(choice);
}

function showDensity(density) {
  if (density === "compact") root.dataset.density = density;
  else delete root.dataset.density;
}

function show(choice) {
  if (choice) root.dataset.theme = choice;
  else delete root.dataset.theme;
  for (const bar of document.querySelectorAll("meta[name=theme-color]")) {
    const own = bar.dataset.of;
    bar.media = choice ? (own === choice ? "all" : "not all") : `(prefers-color-scheme: ${own})`;
  }
}

show(chosen());
showDensity(recall("density"));

addEventListener("storage", (event) => {
  if (event.key === "theme") show(chosen());
});

document.addEventListener("DOMContentLoaded", () => {
  const button = document.querySelector("button.theme");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      choose((root.dataset.theme ?? wanted()) === "dark" ? "light" : "dark");
    });
  }
  for (const choice of document.querySelectorAll(".density input")) {
    choice.checked = choice.id === (root.dataset.density ?? "roomy");
    choice.addEventListener("change", () => {
      keep("density", choice.id === "compact" ? choice.id : null);
      showDensity(choice.id);
    });
  }
  listenForKeys();
  tellLocalTime();
  const front = document.querySelector("[data-seen]");
  if (front) markLastVisit(front);
  if (document.getElementById("results")) {
    for (const form of document.querySelectorAll("form[role=search]")) searchAsTyped(form);
  }
  const watch = new ResizeObserver((seen) => {
    // Only what scrolls is worth a stop of the Tab key.
    for (const { target } of seen) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  });
  for (const one of document.querySelectorAll(".prose [tabindex]")) watch.observe(one);
});

// Single letters, which a reader may want for something else: they can be turned off.
function listenForKeys() {
  const help = document.getElementById("keys");
  const allowed = help?.querySelector("input");
  if (!allowed) return;
  allowed.checked = recall("keys") !== "off";
  allowed.addEventListener("change", () => keep("keys", allowed.checked ? null : "off"));
  const does = { j: () => step(1), k: () => step(-1), "/": lookFor, "?": () => help.showModal() };
  addEventListener("keydown", (event) => {
    const isTyped = event.target.closest("input:not([type=radio]), select, textarea, dialog");
    const isOther = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
    const act = does[event.key];
    if (!act || isTyped || isOther || (!allowed.checked && event.key !== "?")) return;
    event.preventDefault();
    act();
  });
}

// From where the reader is: on a title, or beside one.
function step(by) {
  const titles = [...document.querySelectorAll("main article :is(h2, h3) a")];
  const at = titles.indexOf(document.activeElement.closest("article")?.querySelector("h2 a, h3 a"));
  const next = titles[at < 0 ? 0 : at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function lookFor() {
  const fields = [...document.querySelectorAll("input[type=search]")];
  const field = fields.find((one) => one.checkVisibility());
  if (field) field.focus();
  else document.querySelector("a.find")?.click();
}

function written(moment, options) {
  return new Intl.DateTimeFormat(document.body.dataset.locale, options).format(moment);
}

function hourOf(moment) {
  return written(moment, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

// `en-CA` writes 2026-11-29.
function dayOf(moment) {
  return moment.toLocaleDateString("en-CA");
}

function momentOf(moment) {
  return written(moment, { dateStyle: "long", timeStyle: "short" });
}

function tellLocalTime() {
  for (const time of document.querySelectorAll("time[data-shows]")) {
    const moment = new Date(time.dateTime);
    time.title = momentOf(moment);
    time.textContent = time.dataset.shows === "hour" ? hourOf(moment) : time.title;
  }
  const list = document.querySelector("[data-today]");
  if (list) groupByLocalDay(list);
}

// The reader's days begin at other hours than those of UTC, by which the page is written.
function groupByLocalDay(list) {
  const days = [...list.querySelectorAll(".day")];
  const entries = new Map();
  for (const entry of list.querySelectorAll("article")) {
    const day = dayOf(new Date(entry.querySelector("time").dateTime));
    entries.set(day, [...(entries.get(day) ?? []), entry]);
  }
  for (const [day, own] of entries) {
    const section = days.shift() ?? list.appendChild(emptyDay(list));
    section.replaceChildren(section.querySelector("header"), ...own);
    const heading = section.querySelector("h2 time");
    heading.dateTime = day;
    heading.textContent = nameOf(day, list.dataset);
  }
  for (const left of days) left.remove();
  list.querySelector(".zone")?.remove();
}

function emptyDay(list) {
  const section = list.querySelector(".day").cloneNode(true);
  section.querySelectorAll("header > :not(h2), article").forEach((one) => one.remove());
  return section;
}

function nameOf(day, words) {
  const moment = new Date(`${day}T12:00`);
  const year = moment.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  const date = written(moment, { weekday: "long", day: "numeric", month: "long", year });
  const yesterday = new Date();
  yesterday.setDate(yesterday.getDate() - 1);
  if (day === dayOf(new Date())) return `${words.today} · ${date}`;
  return day === dayOf(yesterday) ? `${words.yesterday} · ${date}` : date;
}

// Who comes back within half an hour is still here.
function markLastVisit(list) {
  const now = Date.now();
  let [since, last] = (recall("visits") ?? "").split(" ").map(Number);
  if (last && now - last > HALF_AN_HOUR) since = last;
  keep("visits", `${since || 0} ${now}`);
  const entries = [...list.querySelectorAll("article")];
  const isOld = (entry) => new Date(entry.querySelector("time").dateTime) <= since;
  const first = entries.findIndex(isOld);
  if (!since || first < 1) return;
  const line = document.createElement("p");
  line.className = "seen";
  const moment = new Date(since);
  const when = dayOf(moment) === dayOf(new Date()) ? hourOf(moment) : momentOf(moment);
  line.textContent = `↑ ${list.dataset.seen}, ${when}`;
  entries[first].before(line);
}

function searchAsTyped(form) {
  let waiting;
  let asking;

  async function search() {
    asking?.abort();
    asking = new AbortController();
    const filled = [...new FormData(form)].filter(([name, value]) => value || name === "q");
    const address = `${form.action}?${new URLSearchParams(filled)}`;
    try {
      const answer = await fetch(address, { signal: asking.signal });
      const found = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of ["found", "results"]) {
        const news = found.getElementById(id)?.childNodes ?? [];
        document.getElementById(id)?.replaceChildren(...news);
      }
      document.title = found.title;
      history.replaceState(null, "", address);
    } catch {
      // the form can still be sent
    }
  }

  form.addEventListener("input", (event) => {
    clearTimeout(waiting);
    // Who writes with an input method has not chosen the character yet.
    if (!event.isComposing) waiting = setTimeout(search, 250);
  });
  form.addEventListener("compositionend", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 250);
  });
}
