// Search on a site of files. What was looked for stays in the browser: only files are asked for, by
// how the words begin. Words are cut as `tidings.model.words` cuts them, and spread over files as
// `tidings.publishing.search_files` does it. A module, for its names are not those of `script.js`.

const form = document.getElementById("search");
const field = document.getElementById("q");
const told = document.getElementById("told");
const hits = document.getElementById("hits");
const more = document.getElementById("more");
const template = document.getElementById("hit");

const SHOWN_AT_ONCE = 20;
const SHOWN_TOGETHER = 64; // ids in a file of what is shown of entries
const LONGEST = 50; // characters of a word that count
const BEGINNING = 3;
const MOST_WORDS = 12;
const PART = /(-)?(?:["“”]([^"“”]*)["“”]?|([^\s"“”]+))/gu;

const files = new Map();
let turn = 0; // of the search whose hits are shown

export function load(path) {
  if (!files.has(path)) {
    const loading = fetch(new URL(path, form.action)).then((answer) => {
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      return answer.json();
    });
    loading.catch(() => files.delete(path)); // the next search tries again
    files.set(path, loading);
  }
  return files.get(path);
}

export function patternsOf({ marks, unspaced }) {
  const run = `[\\p{L}\\p{N}]+(?:[${marks}]+[\\p{L}\\p{N}]*)*`;
  const suffix = "(?:(?<=[A-Za-z0-9])(?:\\+\\+|#)(?![A-Za-z0-9_+#]))?";
  return {
    run: new RegExp(run + suffix, "gu"),
    stretch: new RegExp(`[${unspaced}]+|[^${unspaced}]+`, "gu"),
    character: new RegExp(`^[${unspaced}]`, "u"),
  };
}

// Without case, accents, and variants of characters. To upper case and back: so ß becomes ss.
function normalised(text) {
  const folded = text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase();
  const bare = folded.replaceAll("ς", "σ").normalize("NFD").replace(/[\u0300-\u036f]+/g, "");
  return bare.normalize("NFKC");
}

export function wordsOf(text, patterns) {
  const runs = normalised((text.match(patterns.run) ?? []).join(" ")).match(patterns.run) ?? [];
  return runs
    .flatMap((run) => run.match(patterns.stretch))
    .flatMap((stretch) => (patterns.character.test(stretch) ? pairsOf([...stretch]) : [stretch]))
    .map((word) => [...word].slice(0, LONGEST).join(""));
}

function pairsOf(characters) {
  return characters.map((one, place) => one + (characters[place + 1] ?? ""));
}

// What has to be in an entry, and what must not be: words, or how they begin.
function termsOf(text, patterns) {
  const terms = [];
  for (const [, without, phrase, word] of text.matchAll(PART)) {
    const words = wordsOf(phrase ?? word, patterns);
    const last = words.at(-1);
    if (!last) continue;
    const isCharacter = [...last].length === 1 && patterns.character.test(last);
    // "学习" is in the index as the pair, and "习" only where a text ends with it: the pair will do.
    if (isCharacter && words.length > 1 && words.at(-2).endsWith(last)) words.pop();
    const isStem = Boolean(word?.endsWith("*")) && last.length >= BEGINNING;
    const isBeginning = isStem || (isCharacter && words.at(-1) === last);
    words.forEach((one, place) => {
      const isLast = place === words.length - 1;
      terms.push({ word: one, isBeginning: isLast && isBeginning, without: Boolean(without) });
    });
  }
  return terms.slice(0, MOST_WORDS);
}

function shardOf(word, count, patterns) {
  const letters = [...word].slice(0, patterns.character.test(word) ? 1 : BEGINNING);
  let value = 2166136261;
  for (const one of letters) value = Math.imul(value ^ one.codePointAt(0), 16777619) >>> 0;
  return value % count;
}

// The ids of entries with a term, each with where it stands at best.
async function entriesWith({ word, isBeginning }, index, patterns) {
  const found = new Map();
  const reading = index.segments.map(async ([start, count]) => {
    const shard = await load(`${start}-${count}/${shardOf(word, count, patterns)}.json`);
    const alike = Object.keys(shard).filter((one) => isBeginning && one.startsWith(word));
    if (!isBeginning && Object.hasOwn(shard, word)) alike.push(word);
    for (const one of alike) {
      let place = 0;
      for (const step of shard[one]) {
        place += step;
        const id = start + Math.floor(place / 4);
        found.set(id, Math.max(found.get(id) ?? 0, place % 4));
      }
    }
  });
  await Promise.all(reading);
  return found;
}

// What stands in titles first, then what stands in beginnings; of those alike the newest.
async function find(text) {
  const index = await load("index.json");
  const patterns = patternsOf(index);
  const terms = termsOf(text, patterns);
  const wanted = terms.filter((one) => !one.without);
  if (!wanted.length) return [];
  const every = await Promise.all(terms.map((one) => entriesWith(one, index, patterns)));
  const having = every.filter((_, place) => !terms[place].without);
  const lacking = every.filter((_, place) => terms[place].without);
  return [...having[0].keys()]
    .filter((id) => having.every((one) => one.has(id)) && !lacking.some((one) => one.has(id)))
    .map((id) => ({ id, zone: Math.min(...having.map((one) => one.get(id))) }))
    .sort((one, other) => other.zone - one.zone || other.id - one.id)
    .map(({ id }) => id);
}

function written(day, options) {
  const { locale } = document.body.dataset;
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(new Date(day));
}

function articleOf(entry) {
  const article = template.content.cloneNode(true);
  const [title, source] = article.querySelectorAll("a");
  const time = article.querySelector("time");
  const excerpt = article.querySelector(".excerpt");
  title.textContent = entry.title;
  title.href = entry.url;
  source.textContent = entry.source;
  source.href = entry.page;
  time.dateTime = entry.day;
  time.textContent = written(entry.day, { day: "numeric", month: "short" });
  time.title = written(entry.day, { dateStyle: "long" });
  if (entry.excerpt && entry.excerpt !== entry.title) excerpt.textContent = entry.excerpt;
  else excerpt.remove();
  for (const one of [title, excerpt]) {
    if (entry.language) one.lang = entry.language;
    one.dir = "auto";
  }
  return article;
}

async function show(ids, mine) {
  const now = ids.slice(0, SHOWN_AT_ONCE);
  const parts = await Promise.all(
    now.map((id) => load(`entries/${Math.floor(id / SHOWN_TOGETHER)}.json`)),
  );
  if (mine !== turn) return;
  // One that was hidden since the index was loaded is not there any more.
  const known = now.map((id, place) => parts[place][id]).filter(Boolean);
  hits.append(...known.map(articleOf));
  const rest = ids.slice(SHOWN_AT_ONCE);
  more.hidden = !rest.length;
  more.onclick = async () => {
    const before = hits.childElementCount;
    await trying(() => show(rest, mine));
    hits.children[before]?.querySelector("a").focus();
  };
}

async function trying(work) {
  try {
    await work();
  } catch {
    told.textContent = form.dataset.failed;
  }
}

async function search() {
  const mine = ++turn;
  const text = field.value.trim();
  await trying(async () => {
    const ids = text ? await find(text) : [];
    if (mine !== turn) return;
    hits.replaceChildren();
    more.hidden = true;
    const { found, nothing } = form.dataset;
    told.textContent = !text ? "" : ids.length ? found.replace("{n}", ids.length) : nothing;
    await show(ids, mine);
  });
}

function note() {
  history.replaceState(null, "", `${form.action}?${new URLSearchParams({ q: field.value })}`);
}

let waiting;

function searchSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    note();
    search();
  }, 250);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  note();
  search();
});
form.addEventListener("input", (event) => {
  // Who writes with an input method has not chosen the character yet.
  if (!event.isComposing) searchSoon();
});
form.addEventListener("compositionend", searchSoon);

field.value = new URLSearchParams(location.search).get("q") ?? "";
if (field.value) search();
else field.focus();
