"use strict";
(function () {
  document.documentElement.classList.add("js");
  const cards = Array.from(document.querySelectorAll(".fail"));
  const find = document.getElementById("pick-find");
  const counter = document.getElementById("shown");
  if (!find) return;
  const texts = cards.map((card) => card.textContent.toLowerCase());
  function update() {
    const words = find.value.trim().toLowerCase();
    let shown = 0;
    cards.forEach((card, i) => {
      card.hidden = Boolean(words) && !texts[i].includes(words);
      if (!card.hidden) shown += 1;
    });
    counter.textContent = counter.dataset.pattern.replace("{n}", shown).replace("{total}", cards.length);
  }
  find.addEventListener("input", update);
  update();
})();
