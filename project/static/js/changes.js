// A post that waits is changed by its button alone, never while somebody types. What is typed is kept
// in this browser until it is saved: a reload, a log-out or a broken server loses nothing.
import { show } from "./kept.js";

const SKIPPED = new Set(["csrfmiddlewaretoken", "version", "over", "do"]);
const form = () => document.querySelector("#compose");
const place = () => `change:${form().dataset.user}:${form().elements.key.value}`;
const version = () => form().elements.version.value;

function fields() {
  return [...new FormData(form())].filter(([name, value]) => typeof value === "string" && !SKIPPED.has(name));
}

function keep(sent) {
  const copy = { at: Date.now(), version: version(), sent, fields: fields() };
  try {
    localStorage.setItem(place(), JSON.stringify(copy));
  } catch {
    // full or forbidden: what stands in the form is still there
  }
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(place()));
  } catch {
    return null;
  }
}

function begin() {
  const copy = kept();
  if (!Array.isArray(copy?.fields)) return;
  const saved = copy.sent && copy.version !== version();
  const same = JSON.stringify(copy.fields) === JSON.stringify(fields());
  if (saved || same) localStorage.removeItem(place());
  else show(form(), { ...copy, name: place() });
}

document.addEventListener("input", (event) => {
  if (form() && event.target.closest?.("#writing")) keep(false);
});
document.addEventListener("submit", (event) => {
  if (event.target === form()) keep(true);
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-take-theirs]")) localStorage.removeItem(place());
});
if (form()) begin();
