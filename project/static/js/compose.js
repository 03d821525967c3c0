// The composer's comforts: an account's card appears when it is chosen, own words begin as the
// common ones and go back to them, a date that is picked is written down, steps change the form in
// place. Without this file everything is shown, and each step is a page.
const at = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const form = () => at("#compose");

function changed() {
  form().dispatchEvent(new Event("input", { bubbles: true }));
}

// Cards of accounts that are not chosen are away; what was typed there stays.
function arrange() {
  for (const card of all("[data-for]")) {
    const box = at(`input[name=accounts][value="${card.dataset.for}"]`);
    const own = card.querySelector("[data-own]");
    const custom = own.value.trim() !== "";
    card.hidden = !box?.checked;
    card.querySelector("[data-back-to-common]").hidden = !custom;
    const mark = at(`[data-custom="${card.dataset.for}"]`);
    if (mark) mark.hidden = !custom;
  }
  const word = at("[data-word]");
  if (!word) return; // what waits already is saved, not sent
  word.dataset.now ??= word.textContent;
  const later = at("#id_when").value.trim() || at("#id_picked").value;
  word.textContent = later ? word.dataset.later : word.dataset.now;
}

// The first look at an account's own words shows the common ones, ready to be changed; they count
// as its own only once they differ.
document.addEventListener("toggle", (event) => {
  const card = event.target;
  if (!(card instanceof HTMLElement) || !card.matches("[data-for]") || !card.open) return;
  const own = card.querySelector("[data-own]");
  if (own.value === "") own.placeholder = at("#id_text").value || own.placeholder;
}, true);

document.addEventListener("focusin", (event) => {
  const own = event.target;
  if (!own.matches?.("[data-own]") || own.value !== "" || own.dataset.begun) return;
  own.value = at("#id_text").value;
  own.dataset.begun = own.value;
});

document.addEventListener("focusout", (event) => {
  const own = event.target;
  if (!own.matches?.("[data-own]") || !own.dataset.begun) return;
  if (own.value === own.dataset.begun && own.value === at("#id_text").value) own.value = "";
  delete own.dataset.begun;
  changed();
});

document.addEventListener("click", (event) => {
  const back = event.target.closest?.("[data-back-to-common]");
  if (!back) return;
  const own = at(`[data-own="${back.dataset.backToCommon}"]`);
  const lost = own.value.trim();
  const warning = "These own words will be gone, and the common ones go out instead.";
  if (lost && lost !== at("#id_text").value.trim() && !confirm(warning)) return;
  own.value = "";
  delete own.dataset.begun;
  changed();
});

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches?.("input[name=accounts]")) {
    const card = at(`[data-for="${box.value}"]`);
    if (card && box.checked && card.querySelector("[name^=option-]")) card.open = true;
  }
  if (box.id === "id_picked" && box.value) {
    at("#id_when").value = box.value.replace("T", " ");
    box.value = "";
    changed();
  }
  if (form()) arrange();
});

// Enter in a line of one blank sends nothing by accident.
document.addEventListener("keydown", (event) => {
  const line = event.target;
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
  if (line instanceof HTMLInputElement && line.form?.id === "compose") event.preventDefault();
});

// Steps that save nothing change the form where it stands.
document.addEventListener("click", (event) => {
  const step = event.target.closest?.("[data-step]");
  if (!step || !window.htmx) return;
  event.preventDefault();
  const body = Object.fromEntries([["do", step.value]]);
  window.htmx.ajax("POST", form().dataset.stepTo, {
    source: form(), target: "#compose", select: "#compose", swap: "outerHTML", values: body,
  });
});

document.addEventListener("input", () => form() && arrange());
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "compose" || event.detail.elt?.id === "compose") {
    arrange();
    changed();
  }
});
if (form()) arrange();
