// What pages do beside being read: the chosen appearance, and search as you type. All of it can
// be missing. This file stands before the style sheet, so that nothing is painted twice.
"use strict";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

// A choice is kept only while it differs from what the system wants.

function wanted() {
  return dark.matches ? "dark" : "light";
}

function chosen() {
  try {
    const theme = localStorage.getItem("theme");
    return theme === "dark" || theme === "light" ? theme : null;
  } catch {
    return null; // storage may be forbidden
  }
}

function choose(theme) {
  const choice = theme === wanted() ? null : theme;
  try {
    if (choice) localStorage.setItem("theme", choice);
    else localStorage.removeItem("theme");
  } catch {
    // then it holds for this page
  }
  show(choice);
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
  if (document.getElementById("results")) {
    for (const form of document.querySelectorAll("form[role=search]")) searchAsTyped(form);
  }
  const watch = new ResizeObserver((seen) => {
    // Only what scrolls is worth a stop of the Tab key.
    for (const { target } of seen) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  });
  for (const one of document.querySelectorAll(".prose [tabindex]")) watch.observe(one);
});

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
