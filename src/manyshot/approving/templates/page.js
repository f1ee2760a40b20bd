// The approval page: collects what was typed, sends it, shows what the server says. What is right, the server decides.
"use strict";
(() => {
  const words = JSON.parse(document.body.dataset.words);
  const $ = (query, within = document) => within.querySelector(query);
  const $$ = (query, within = document) => [...within.querySelectorAll(query)];
  let dirty = false, waiting = 0, asked = 0;

  // what is sent

  const fieldText = (field) => {
    const input = $(":scope > .value > .input, :scope > .value > label > .input", field);
    if (!input) return "";
    return input.type === "checkbox" ? String(input.checked) : input.value;
  };
  const given = (field) => { const box = $(":scope > .name .given", field); return !box || box.checked; };
  const sentFields = (within) => $$(":scope > .field", within).filter(given).flatMap((field) => {
    const one = { path: JSON.parse(field.dataset.path), kind: field.dataset.kind, text: fieldText(field) };
    const inner = $(":scope > .value > fieldset", field);
    return inner ? [one, ...sentFields(inner)] : [one];
  });
  const sentCall = (turn) => {
    const tool = $(".tool", turn);
    if (!tool || !tool.value) return null;
    const fields = $(".fields", turn);
    return { name: tool.value, fields: fields ? sentFields(fields) : [] };
  };
  const sent = () => ({
    was: $("main").dataset.was,
    path: $(".path").value,
    turns: $$(".turns > .turn").map((turn) => ({
      role: turn.dataset.role, text: $(".words", turn)?.value ?? "", call: sentCall(turn), exact: turn.dataset.exact,
    })),
  });
  const here = (what) => `/shots/${encodeURIComponent($("main").dataset.shot)}/${what}`;
  const post = async (url, body) => {
    try {
      const answer = await fetch(url, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
      const found = await answer.json();
      if (!answer.ok) found.error = typeof found.error === "string" ? found.error : JSON.stringify(found.detail);
      return { status: answer.status, ...found };
    } catch {
      return { status: 0, error: words.no_answer };
    }
  };

  // what is shown

  const tell = (text, good = false) => {
    const place = $(".message");
    if (!place) return;
    place.textContent = text;
    place.hidden = !text;
    place.classList.toggle("good", good);
  };
  const fault = (answer) => {
    const said = { 409: words.changed_meanwhile, 404: words.gone }[answer.status];
    tell(said ? `${said} (${answer.error})` : answer.error);
    const conflict = $(".conflict");
    if (!conflict) return;
    conflict.hidden = answer.status !== 409;
    $("[data-over]").hidden = !dirty;
  };
  const grow = (area) => { area.style.height = "auto"; area.style.height = `${area.scrollHeight + 2}px`; };
  const growAll = (within = document) => $$("textarea", within).forEach(grow);
  const showProblems = (place, found) => {
    place.replaceChildren(...found.map((text) => {
      const line = document.createElement("p");
      line.className = "problem";
      line.textContent = text;
      return line;
    }));
  };
  const check = async () => {
    const mine = ++asked;
    const answer = await post(here("check"), sent());
    if (mine !== asked || !dirty) return;
    if (answer.error) { fault(answer); return; }
    tell("");
    showProblems($(".whole"), answer.problems[0]);
    $$(".turns > .turn").forEach((turn, n) => showProblems($(".problems", turn), answer.problems[n + 1] ?? []));
    $(".truth").textContent = `${words.unsaved} ${answer.true ? words.is_true : words.is_untrue}`;
    $(".first").hidden = $(".answers").hidden = answer.true;
    $(".verdict").className = `verdict ${answer.true ? "true" : "untrue"}`;
  };
  const edited = () => {
    dirty = true;
    $(".edits").hidden = false;
    $$(".judging button").forEach((button) => { button.disabled = true; });
    $(".judging").title = words.save_first;
    clearTimeout(waiting);
    waiting = setTimeout(check, 500);
  };
  const swap = (page) => {
    const fresh = new DOMParser().parseFromString(page, "text/html");
    const by = $("[name=by]").value, reason = $("[name=reason]").value;
    $("main").replaceWith(fresh.querySelector("main"));
    $("[name=by]").value = by;
    $("[name=reason]").value = reason;
    ready();
  };
  const save = async (how) => {
    clearTimeout(waiting);
    asked += 1;
    const answer = await post(here(`save${how}`), sent());
    if (answer.error) { fault(answer); return; }
    dirty = false;
    swap(answer.page);
    tell(answer.changed ? words.saved : words.not_changed, true);
  };
  const judge = async (verdict) => {
    const by = $("[name=by]").value.trim(), reason = $("[name=reason]").value.trim();
    if (!by) { tell(words.name_first); $("[name=by]").focus(); return; }
    if (verdict === "reject" && !reason) { tell(words.reason_first); $("[name=reason]").focus(); return; }
    const answer = await post(here(verdict), { was: $("main").dataset.was, by, reason: verdict === "reject" ? reason : "" });
    if (answer.error) { fault(answer); return; }
    localStorage.setItem("by", by);
    location.assign(answer.next ? `/shots/${encodeURIComponent(answer.next)}` : "/");
  };

  // what is done

  const copyOf = (query) => document.importNode($(query).content, true).firstElementChild;
  const add = (turn, role) => {
    const fresh = copyOf(`template[data-role=${role}]`);
    turn.after(fresh);
    $(".more", turn).open = false;
    $(".words", fresh).focus();
    growAll(fresh);
    edited();
  };
  const choose = (select) => {
    const turn = select.closest(".turn"), call = select.closest(".call"), next = turn.nextElementSibling;
    const known = select.value && $$("template[data-tool]").find((one) => one.dataset.tool === select.value);
    const fresh = known ? document.importNode(known.content, true).firstElementChild : copyOf("template[data-role=action]").querySelector(".call");
    call.replaceWith(fresh);
    const answered = next && next.dataset.role === "observation";
    if (select.value && !answered) turn.after(copyOf("template[data-role=observation]"));
    if (!select.value && answered) next.remove();
    growAll(turn);
    $(".tool", fresh).focus();
    edited();
  };
  const light = (step) => {
    $$(".here").forEach((one) => one.classList.remove("here"));
    $$("[data-step]").filter((one) => one.dataset.step === step).forEach((one) => one.classList.add("here"));
    const box = boxOf(step), canvas = $(".canvas");
    if (!box || !canvas) return;
    const inner = box.getBoundingClientRect(), outer = canvas.getBoundingClientRect();
    canvas.scrollBy({ top: inner.top - outer.top - (outer.height - inner.height) / 2, behavior: "smooth" });
  };
  const scrollTo = (one) => one && one.scrollIntoView({ block: one.matches(".canvas") ? "nearest" : "center", behavior: "smooth" });
  const boxOf = (step) => $$(".box").find((one) => one.dataset.step === step);
  const turnOf = (step) => $$(".turn").find((one) => one.dataset.step === step);

  const ready = () => {
    growAll();
    const by = $("[name=by]");
    if (by && !by.dataset.kept) { by.dataset.kept = "1"; by.value = localStorage.getItem("by") || by.value; }
    if (matchMedia("(max-width: 900px)").matches) $("aside details")?.removeAttribute("open");
  };

  document.addEventListener("input", (event) => {
    const target = event.target;
    if (target.tagName === "TEXTAREA") grow(target);
    if (target.classList.contains("given")) target.closest(".field").classList.toggle("out", !target.checked);
    if (target.classList.contains("input")) {
      const box = $(":scope > .name .given", target.closest(".field"));
      if (box && !box.checked) { box.checked = true; target.closest(".field").classList.remove("out"); }
    }
    if (target.closest(".turns, .which") && !target.classList.contains("tool")) edited();
  });
  document.addEventListener("change", (event) => {
    if (event.target.classList.contains("tool")) choose(event.target);
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button, .box.lit");
    if (!button) return;
    const data = button.dataset ?? {};
    if (button.matches(".box.lit")) { light(data.step); scrollTo(turnOf(data.step)); return; }
    if ("show" in data) { $("aside details").open = true; light(data.show); scrollTo($(".canvas")); }
    if ("first" in data) scrollTo($(".problem"));
    if ("add" in data) add(button.closest(".turn"), data.add);
    if ("remove" in data) { button.closest(".turn").remove(); edited(); }
    if ("undo" in data) { dirty = false; location.reload(); }
    const work = "save" in data ? () => save("")
      : "answers" in data ? () => save("?answers=true")
      : "over" in data ? () => save("?over=true")
      : "approve" in data ? () => judge("approve")
      : "reject" in data ? () => judge("reject")
      : "draft" in data ? async () => {
        const answer = await post(`/paths/${encodeURIComponent(data.draft)}/draft`, {});
        if (answer.error) tell(answer.error); else location.assign(`/shots/${encodeURIComponent(answer.next)}`);
      } : null;
    if (!work) return;
    button.disabled = true;
    await work();
    button.disabled = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches(".box.lit")) event.target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    if (event.key === "Enter" && event.target.matches(".decide input")) event.preventDefault();
    if ((event.ctrlKey || event.metaKey) && event.key === "s" && dirty) { event.preventDefault(); $("[data-save]").click(); }
  });
  document.addEventListener("focusin", (event) => {
    const turn = event.target.closest?.(".turn[data-step]");
    if (turn) light(turn.dataset.step);
  });
  addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  addEventListener("resize", () => growAll());
  ready();
})();
