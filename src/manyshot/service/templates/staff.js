"use strict";
// The pages of the desk's people: the queue looks again by itself, a conversation shows all that happens in it.
const words = JSON.parse(document.getElementById("words").textContent), csrf = document.querySelector("meta[name=csrf]").content;
const given = document.getElementById("now");
function make(tag, kind, words_ = "") {
  const one = document.createElement(tag);
  one.className = kind;
  one.textContent = words_;
  return one;
}
if (!given) {
  setInterval(async () => {
    try {
      const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html").getElementById("queue");
      const own = document.getElementById("queue");
      if (page && page.innerHTML !== own.innerHTML) own.replaceWith(page);
    } catch { /* the next look may find it again */ }
  }, 3000);
} else {
  const now = JSON.parse(given.textContent), base = `/staff/sessions/${now.id}`;
  const talk = document.getElementById("talk"), trace = document.getElementById("trace"), state = document.getElementById("state");
  const form = document.getElementById("form"), text = document.getElementById("text");
  const replies = new Map();
  let last = 0;
  const tell = (words_) => { state.textContent = words_; state.hidden = !words_; };
  async function ask(path, body) {
    const headers = { "content-type": "application/json", "x-csrf-token": csrf };
    const answer = await fetch(`${base}/${path}`, { method: "POST", headers, body: JSON.stringify(body || {}) });
    if (!answer.ok) { tell((await answer.json()).detail || String(answer.status)); return false; }
    tell("");
    return true;
  }
  function said(kind, who, words_) {
    const one = make("p", `said ${kind}`, words_);
    one.prepend(make("span", "who", who));
    talk.append(one);
    talk.scrollTop = talk.scrollHeight;
    return one;
  }
  function rated(event) {
    const one = replies.get(event.of);
    if (!one) return;
    one.querySelectorAll(".verdict").forEach((old) => old.remove());
    const verdict = event.up ? words.thumb_up : words.thumb_down;
    one.append(make("span", `who verdict ${event.up ? "up" : "down"}`, event.text ? `${verdict}: ${event.text}` : verdict));
  }
  function show(kind, number, event) {
    if (number <= last) return;
    last = number;
    if (kind === "user") said("user", words.customer, event.text);
    else if (kind === "reply") replies.set(number, said("assistant", words.assistant, event.text));
    else if (kind === "thumb") rated(event);
    else if (kind === "staff") said("staff", event.by || words.person, event.text);
    else if (kind === "consent" && event.whose === "person") question(event);
    if (["think", "action", "observation", "reply"].includes(kind)) {
      const line = make("li", kind);
      line.append(make("b", "", `${words[kind]} · ${new Date(event.at * 1000).toLocaleTimeString()}`));
      if (kind !== "observation") line.append(document.createTextNode(event.text));
      const exact = event.call || event.answered;
      if (exact) line.append(make("pre", "", JSON.stringify(exact, null, 1)));
      trace.append(line);
    }
    if (kind === "state" || kind === "consent" || kind === "consented") look();
  }
  function question(event) {
    const one = make("section", "consent"), choice = make("p", "");
    one.append(make("h3", "", words.wants_yes), make("pre", "", JSON.stringify(event.call, null, 1)), choice);
    for (const [yes, label] of [[true, words.yes], [false, words.no]]) {
      const button = make("button", yes ? "main" : "", label);
      button.onclick = async () => { if (await ask("consent", { step: event.step, yes })) choice.textContent = yes ? words.agreed : words.refused; };
      choice.append(button);
    }
    talk.append(one);
  }
  function about(one) {
    document.getElementById("about-state").textContent = words[`state_${one.state}`].replace("{by}", one.by);
    document.getElementById("about-why").textContent = one.why;
    document.getElementById("about-tickets").replaceChildren(...one.tickets.map((card) => make("code", "", card.id)));
    const facts = make("dl", "");
    for (const [name, value] of Object.entries(one.facts)) facts.append(make("dt", "", name), make("dd", "", String(value)));
    document.getElementById("about-facts").replaceChildren(facts);
    form.hidden = one.state !== "person";
    for (const button of document.querySelectorAll("[data-act]")) {
      const act = button.dataset.act;
      button.hidden = one.state === "closed" || (act === "take" && one.state === "person") || (act === "back" && !["person", "queue"].includes(one.state));
    }
  }
  async function look() {
    try { about(await (await fetch(`${base}/now`)).json()); } catch { /* the next event looks again */ }
  }
  for (const { number, event, ...rest } of now.events) show(event, number, rest);
  about(now);
  const source = new EventSource(`${base}/events?after=${last}`);
  for (const kind of ["user", "think", "action", "observation", "reply", "staff", "ticket", "consent", "consented", "thumb", "state"]) {
    source.addEventListener(kind, (event) => show(kind, Number(event.lastEventId), JSON.parse(event.data)));
  }
  for (const button of document.querySelectorAll("[data-act]")) {
    button.addEventListener("click", () => ask(button.dataset.act));
  }
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const words_ = text.value.trim();
    if (words_ && await ask("answer", { text: words_ })) text.value = "";
  });
}
