"use strict";
(function () {
  document.documentElement.classList.add("js");
  const cards = Array.from(document.querySelectorAll(".fail"));
  const pick = (name) => document.getElementById("pick-" + name);
  const counter = document.getElementById("shown");
  const empty = document.getElementById("none-shown");
  if (!counter) return;
  const texts = cards.map((c) => c.textContent.toLowerCase());
  function update() {
    const mode = pick("mode").value, stage = pick("stage").value, tool = pick("tool").value;
    const find = pick("find").value.trim().toLowerCase();
    let shown = 0;
    cards.forEach((card, i) => {
      const ok = (!mode || card.dataset.mode === mode) && (!stage || card.dataset.stage === stage) &&
        (!tool || card.dataset.tools.split(" ").includes(tool)) && (!find || texts[i].includes(find));
      card.hidden = !ok;
      if (ok) shown += 1;
    });
    counter.textContent = counter.dataset.pattern.replace("{n}", shown).replace("{total}", cards.length);
    empty.hidden = shown > 0;
  }
  ["mode", "stage", "tool"].forEach((n) => pick(n).addEventListener("change", update));
  pick("find").addEventListener("input", update);
  update();
})();
