"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const KINDS = { user: "User", think: "Think", action: "Action", call: "Call", observation: "Observation", reply: "Reply", prompt: "Prompt" };
const SHOWN = 500; // names in the list; the others are found by words
let found = data.samples, current = null;

function make(parent, tag, text, kind) {
  const one = document.createElement(tag);
  if (text !== undefined) one.textContent = text;
  if (kind) one.className = kind;
  parent.append(one);
  return one;
}

function words(sample) {
  return (sample.id + " " + sample.unit + " " + sample.spans.map((span) => span.text).join(" ")).toLowerCase();
}

function filter() {
  const unit = at("unit").value, wanted = at("find").value.trim().toLowerCase();
  found = data.samples.filter((one) => (!unit || one.unit === unit) && (!wanted || words(one).includes(wanted)));
  at("count").textContent = found.length + " of " + data.samples.length + " samples";
  const list = at("list");
  list.replaceChildren();
  for (const one of found.slice(0, SHOWN)) {
    const button = make(make(list, "li"), "button", one.id);
    button.type = "button";
    button.title = one.unit;
    button.dataset.id = one.id;
    button.addEventListener("click", () => show(one));
  }
  if (found.length > SHOWN) make(list, "li", "and " + (found.length - SHOWN) + " more", "soft");
  if (!found.includes(current)) show(found[0] || null); else mark();
}

function mark() {
  for (const button of at("list").querySelectorAll("button")) {
    if (current && button.dataset.id === current.id) {
      button.setAttribute("aria-current", "true");
      button.scrollIntoView({ block: "nearest" });
    } else button.removeAttribute("aria-current");
  }
  const place = found.indexOf(current);
  at("back").disabled = place <= 0;
  at("next").disabled = place < 0 || place >= found.length - 1;
}

function show(sample) {
  current = sample;
  const body = at("sample"), about = at("about");
  body.replaceChildren();
  about.replaceChildren();
  at("name").textContent = sample ? sample.id : "Nothing found";
  if (sample) {
    try { history.replaceState(null, "", "#" + encodeURIComponent(sample.id)); } catch { /* a frame without an address */ }
    const counted = sample.spans.filter((span) => span.tokens !== null);
    const sum = (spans) => spans.reduce((total, span) => total + span.tokens, 0);
    const facts = { place: sample.place, path: sample.unit, ...sample.about };
    if (counted.length) facts.tokens = sum(counted) + ", " + sum(counted.filter((span) => span.loss)) + " with loss";
    for (const [name, value] of Object.entries(facts)) {
      if (!value) continue;
      make(about, "dt", name);
      make(about, "dd", value);
    }
    for (const span of sample.spans) {
      const box = make(body, "div", undefined, "span " + span.kind + (span.loss ? " loss" : ""));
      make(box, "b", KINDS[span.kind]);
      make(box, "span", (span.tokens === null ? "" : span.tokens + " tokens, ") + (span.loss ? "loss" : "no loss"), "tokens");
      const text = make(box, "div", undefined, span.pieces.length ? "pieces" : "");
      for (const piece of span.pieces.length ? span.pieces : [span.text]) make(text, "mark", piece);
    }
  }
  mark();
}

function table(parent, title, head, rows) {
  if (!rows.length) return;
  make(parent, "h3", title);
  const body = make(parent, "table");
  const top = make(body, "tr");
  for (const one of head) make(top, "th", one);
  for (const row of rows) {
    const line = make(body, "tr");
    for (const one of row) make(line, "td", one);
  }
}

function report(parent, found) {
  if (!found) { parent.hidden = true; return; }
  table(parent, "Set", ["", ""], [
    ["records", found.records], ["groups", found.groups], ["paths or tools", Object.keys(found.units).length],
    ["near-duplicates", found.near_duplicates.count],
    ["nearest similarity, median", found.nearest_similarity === null ? "–" : found.nearest_similarity],
    ...(found.wordings ? [["wordings a turn, fewest", found.wordings.fewest], ["wordings a turn, median", found.wordings.median]] : []),
  ]);
  table(parent, "Tokens", ["", "p50", "p90", "p99", "max", "> " + found.limit],
    found.lengths.map((one) => [one.name, one.p50, one.p90, one.p99, one.most, one.over]));
  table(parent, "Personal data", ["kind", "finds", "different", "made up"],
    Object.entries(found.personal).map(([kind, one]) => [kind, one.finds, one.different, one.declared]));
}

document.title = data.title;
document.querySelector("h1").textContent = data.title;
for (const kind of new Set(data.samples.flatMap((one) => one.spans.map((span) => span.kind)))) {
  make(at("legend"), "span", "■ " + KINDS[kind]).style.color = "var(--" + kind + ")";
}
const units = [...new Set(data.samples.map((one) => one.unit))].sort();
at("unit").append(new Option("all " + units.length + " paths or tools", ""), ...units.map((one) => new Option(one, one)));
at("find").addEventListener("input", filter);
at("unit").addEventListener("change", filter);
at("back").addEventListener("click", () => show(found[found.indexOf(current) - 1]));
at("next").addEventListener("click", () => show(found[found.indexOf(current) + 1]));
at("mask").addEventListener("change", () => at("sample").classList.toggle("masked", at("mask").checked));
at("sample").classList.add("masked");
at("prefixed").hidden = !data.prefix;
at("shared").textContent = data.prefix;
at("prefix").addEventListener("change", () => { at("shared").hidden = !at("prefix").checked; });
report(at("report"), data.report);
const wanted = decodeURIComponent(location.hash.slice(1));
current = data.samples.find((one) => one.id === wanted) || data.samples[0] || null;
filter();
show(current);
