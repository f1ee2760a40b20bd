"use strict";
// The chat page. What the customer wrote stays in the outbox until the service has it; its id makes it count once.
const data = (id) => JSON.parse(document.getElementById(id).textContent);
const words = data("words"), tools = data("tools"), labels = data("labels"), found = data("found");
const talk = document.getElementById("talk"), form = document.getElementById("form"), text = document.getElementById("text");
const state = document.getElementById("state"), csrf = document.querySelector("meta[name=csrf]").content;
let session = found && found.id, last = 0, source = null, progress = null, sending = false;
const outbox = [], sent = [], cards = new Map(), asked = new Map(), thumbs = new Map();

function put(element) {
  const atEnd = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 120;
  talk.append(element);
  if (atEnd) talk.scrollTop = talk.scrollHeight;
  return element;
}
function make(tag, kind, words_ = "") {
  const one = document.createElement(tag);
  one.className = kind;
  one.textContent = words_;
  return one;
}
function said(kind, words_) {
  const one = make("p", `said ${kind}`, words_);
  if (kind === "staff") one.prepend(make("span", "who", words.person));
  return put(one);
}
function tell(words_) { state.textContent = words_; state.hidden = !words_; }
async function ask(path, body) {
  const headers = { "content-type": "application/json", "x-csrf-token": csrf };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (answer.status >= 500 || answer.status === 429) throw new Error(String(answer.status));
  return [answer.ok, await answer.json()];
}
async function flush() {
  if (sending) return;
  sending = true;
  try {
    while (outbox.length) {
      const one = outbox[0];
      if (!session) {
        const [ok, begun] = await ask("/sessions", { language: document.documentElement.lang.startsWith("zh") ? "zh" : "en" });
        if (!ok) { refuse(one, begun); continue; }
        session = begun.id;
        listen();
      }
      const [ok, answer] = await ask(`/sessions/${session}/messages`, { text: one.text, id: one.id });
      if (!ok) { refuse(one, answer); continue; }
      outbox.shift();
    }
    tell("");
  } catch {
    tell(words.offline);
    setTimeout(flush, 2000);
  } finally {
    sending = false;
  }
}
function refuse(one, answer) {
  outbox.shift();
  if (one.shown) one.shown.remove();
  put(make("p", "note bad", `${words.not_sent} ${answer.detail || ""}`));
  if (!text.value) text.value = one.text;
}
function listen() {
  if (source) source.close();
  source = new EventSource(`/sessions/${session}/events?after=${last}`);
  for (const kind of ["user", "reply", "staff", "progress", "ticket", "consent", "consented", "thumb", "state"]) {
    source.addEventListener(kind, (event) => show(kind, Number(event.lastEventId), JSON.parse(event.data)));
  }
}
function show(kind, number, event) {
  if (number <= last) return;
  last = number;
  if (kind === "thumb") { rated(event); return; }
  if (kind !== "progress" && progress) { progress.remove(); progress = null; }
  if (kind === "user") {
    const waiting = outbox.concat(sent).find((one) => one.shown && one.text === event.text);
    if (waiting) { waiting.shown.classList.remove("waiting"); waiting.shown = null; } else said("user", event.text);
    progress = put(make("p", "progress doing", words.working));
  } else if (kind === "reply") reply(number, event.text);
  else if (kind === "staff") said("staff", event.text);
  else if (kind === "progress") {
    progress = progress || put(make("p", "progress doing"));
    if (event.tool) progress.dataset.tool = tools[event.tool] || "";
    const about = progress.dataset.tool;
    progress.classList.toggle("doing", event.status !== "failed");
    progress.textContent = about ? words[event.status].replace("{tool}", about) : words.working;
  } else if (kind === "ticket") card(event);
  else if (kind === "consent") question(event);
  else if (kind === "consented") answered(event);
  else if (kind === "state") changed(event);
}
function reply(number, words_) {
  const one = make("div", "reply"), row = make("p", "thumbs"), buttons = new Map();
  for (const [up, label] of [[true, words.thumb_up], [false, words.thumb_down]]) {
    const button = make("button", `thumb ${up ? "up" : "down"}`);
    button.type = "button";
    button.title = label;
    button.setAttribute("aria-label", label);
    button.setAttribute("aria-pressed", "false");
    button.onclick = async () => { if (await rate(number, up, "")) why(number, up); };
    buttons.set(up, button);
    row.append(button);
  }
  one.append(make("p", "said assistant", words_), row);
  thumbs.set(number, { row, buttons });
  put(one);
}
async function rate(number, up, word) {
  try {
    const [ok, answer] = await ask(`/sessions/${session}/feedback`, { reply: number, up, word });
    tell(ok ? "" : answer.detail || "");
    return ok;
  } catch {
    tell(words.not_kept);
    return false;
  }
}
function why(number, up) {
  const { row } = thumbs.get(number), box = document.createElement("form");
  row.parentElement.querySelectorAll(".why-thumb, .thanks").forEach((old) => old.remove());
  box.className = "why-thumb";
  const word = make("input", ""), send = make("button", "", words.send);
  word.maxLength = Number(form.dataset.word);
  word.placeholder = words.thumb_word;
  word.setAttribute("aria-label", words.thumb_word);
  box.append(word, send);
  box.onsubmit = async (event) => {
    event.preventDefault();
    if (!word.value.trim() || await rate(number, up, word.value.trim())) box.replaceWith(make("p", "soft thanks", words.thumb_thanks));
  };
  row.after(box);
  box.scrollIntoView({ block: "nearest" });
}
function rated(event) {
  const there = thumbs.get(event.of);
  if (there) for (const [up, button] of there.buttons) button.setAttribute("aria-pressed", String(up === event.up));
}
let before = "open";
function changed(event) {
  if (event.state !== before) {
    const note = { queue: words.queue, person: words.joined, closed: words.closed, open: words.back }[event.state];
    put(make("p", "note", note));
    before = event.state;
  }
  form.hidden = event.state === "closed";
}
function pairs(fields) {
  const list = make("dl", "");
  for (const [name, value] of Object.entries(fields)) list.append(make("dt", "", labels[name] || name), make("dd", "", String(value)));
  return list;
}
function card(event) {
  const one = make("section", "ticket"), head = make("h3", "", `${words.made} `);
  head.append(make("code", "", event.id));
  const { ...fields } = event.fields;
  for (const [name, value] of Object.entries(fields)) if (value === event.id) delete fields[name];
  one.append(head, pairs(fields));
  if (cards.has(event.id)) cards.get(event.id).remove();
  cards.set(event.id, put(one));
}
function question(event) {
  if (event.whose !== "customer") { put(make("p", "note", words.ask_person)); return; }
  const one = make("section", "consent"), choice = make("p", "");
  one.append(make("h3", "", words.ask_yes), make("p", "soft", tools[event.call.name] || event.call.name), pairs(event.call.arguments), choice);
  for (const [yes, label] of [[true, words.yes], [false, words.no]]) {
    const button = make("button", yes ? "main" : "", label);
    button.type = "button";
    button.onclick = async () => {
      choice.querySelectorAll("button").forEach((other) => { other.disabled = true; });
      try { await ask(`/sessions/${session}/consent`, { step: event.step, yes }); } catch { tell(words.offline); choice.querySelectorAll("button").forEach((other) => { other.disabled = false; }); }
    };
    choice.append(button);
  }
  asked.set(event.step, choice);
  put(one);
}
function answered(event) {
  const choice = asked.get(event.step);
  if (choice) choice.replaceChildren(document.createTextNode(event.yes ? words.agreed : words.refused));
}
function unique() { return crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`; }
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const words_ = text.value.trim();
  if (!words_) return;
  text.value = "";
  const one = { text: words_, id: unique(), shown: said("user waiting", words_) };
  outbox.push(one);
  sent.push(one);
  talk.scrollTop = talk.scrollHeight;
  flush();
});
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
});
if (found) {
  for (const { number, event, ...rest } of found.events) show(event, number, rest);
  if (!found.working && progress) { progress.remove(); progress = null; }
  listen();
}
