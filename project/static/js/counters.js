// Says under a text how much still fits, for every network that is chosen. Comfort only: the page
// works without this file, and the server is the judge.
//
//   <div data-counters data-rules="…/rules/" data-text="id_text" hidden>
//     <ul></ul><p class="sr-only" role="status"></p>
//   </div>
//
// The networks are those of `data-networks`, else those of the ticked boxes of the same form that
// have a `data-network`.
import { faults, learn, left, words } from "./count.js";

const QUIET_MS = 1000; // a screen reader is told when the typing pauses

/** Keep one element's counters up to date; resolves when they stand for the first time. */
export async function follow(element) {
  const field = document.getElementById(element.dataset.text);
  const networks = await rules(element.dataset.rules);
  if (!field || !networks) return;
  let later = 0;
  const show = () => {
    const lines = chosen(element, field.form)
      .filter((name) => networks[name])
      .map((name) => line(networks[name], field.value));
    element.hidden = lines.length === 0;
    element.querySelector("ul").replaceChildren(...lines.map(item));
    clearTimeout(later);
    later = setTimeout(() => say(element.querySelector("[role=status]"), lines), QUIET_MS);
  };
  field.form.addEventListener("input", show);
  field.form.addEventListener("change", show);
  show();
}

/** What one network says about a text: {words, over}. */
export function line(network, text) {
  const wrong = text.trim() ? faults(text, network) : [];
  if (wrong.length) return { words: `${network.label}: ${wrong[0].words}`, over: true };
  return { words: `${network.label}: ${left(text, words(network))} left`, over: false };
}

async function rules(url) {
  try {
    const answer = await fetch(url, { credentials: "same-origin" });
    return answer.ok ? learn(await answer.json()) : null;
  } catch {
    return null; // away, or logged out meanwhile: sending the form will say so
  }
}

function chosen(element, form) {
  const given = element.dataset.networks;
  const names =
    given === undefined
      ? [...form.querySelectorAll("[data-network]:checked")].map((box) => box.dataset.network)
      : given.split(/\s+/u);
  return [...new Set(names)];
}

function item({ words, over }) {
  const entry = document.createElement("li");
  entry.textContent = words;
  entry.classList.toggle("over", over);
  return entry;
}

// Only what is wrong is spoken, and that it is right again.
function say(status, lines) {
  const wrong = lines.filter((one) => one.over).map((one) => one.words);
  const said = wrong.join(" ") || (status.textContent ? "The text fits." : "");
  if (status.textContent !== said) status.textContent = said;
}

for (const element of document.querySelectorAll("[data-counters]")) follow(element);
