// Says under a text how much still fits, for every network that is chosen. Comfort only: the page
// works without this file, and the server is the judge.
//
//   <div data-counters data-rules="…/rules/" data-text="id_text" hidden>
//     <ul></ul><p class="sr-only" role="status"></p>
//   </div>
//
// The networks are those of `data-networks`, else those of the ticked boxes of the same form that
// have a `data-network`, but for accounts with words of their own. An account whose server takes
// more or less than others has rules of its own in the table, under "account-" and its number. `data-counts` marks further
// texts of the same form: of one account, or ("part") a part of its thread.
import { faults, learn, left, words } from "./count.js";

const QUIET_MS = 1000; // a screen reader is told when the typing pauses
const NEAR = 10; // a tenth of what fits is left
const BLANK = /^\s*$/u;

/** What one network says about a text: {words, over, near}. */
export function line(network, text, { link = "", besideMedia = false } = {}) {
  const whole = placed(network, text, link, besideMedia);
  const wrong = BLANK.test(whole) ? [] : faults(whole, network, { besideMedia });
  if (wrong.length) return { words: `${network.label}: ${wrong[0].words}`, over: true };
  const rule = words(network, { besideMedia });
  const rest = left(whole, rule);
  return { words: `${network.label}: ${rest} left`, over: false, near: rest * NEAR <= rule.limit };
}

// The text as the network takes it: a link that it does not show apart stands behind the words.
function placed(network, text, link, besideMedia) {
  const apart = network.links && (network.links_beside_media || !besideMedia);
  if (!link || apart || text.includes(link)) return text;
  return BLANK.test(text) ? link : `${text}\n\n${link}`;
}

async function rules(url) {
  try {
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) return null;
    const table = await answer.json();
    return { ...learn(table), ...table.accounts };
  } catch {
    return null; // away, or logged out meanwhile: sending the form will say so
  }
}

const own = (pk, networks) => (networks[`account-${pk}`] ? `account-${pk}` : null);

function chosen(element, form, networks) {
  if (element.dataset.networks !== undefined) {
    return [own(element.dataset.account, networks) ?? element.dataset.networks];
  }
  const boxes = [...form.querySelectorAll("[data-network]:checked")];
  const part = element.dataset.counts === "part";
  const counted = boxes.filter((box) => {
    const words = form.querySelector(`[data-own="${box.value}"]`);
    return part ? networks[box.dataset.network]?.replies : !words || BLANK.test(words.value);
  });
  return counted.map((box) => own(box.value, networks) ?? box.dataset.network);
}

function show(element, networks) {
  const field = document.getElementById(element.dataset.text);
  if (!field) return;
  const { form } = field;
  const part = element.dataset.counts === "part";
  const files = [...form.querySelectorAll("input[name^=media-][name$=-upload]")];
  const link = part ? "" : (form.elements.link?.value.trim() ?? "");
  const names = [...new Set(chosen(element, form, networks))].filter((name) => networks[name]);
  const lines = names.map((name) => {
    const beside = !part && (files.some((one) => one.value) || networks[name].needs_media);
    return line(networks[name], field.value, { link, besideMedia: beside });
  });
  const unused = element.dataset.counts !== undefined && BLANK.test(field.value);
  element.hidden = lines.length === 0 || unused;
  element.querySelector("ul").replaceChildren(...lines.map(item));
  clearTimeout(element.later);
  element.later = setTimeout(() => say(element.querySelector("[role=status]"), lines), QUIET_MS);
}

function item({ words: said, over, near }) {
  const entry = document.createElement("li");
  entry.textContent = said;
  entry.classList.toggle("over", over);
  entry.classList.toggle("near", Boolean(near));
  return entry;
}

// Only what is wrong is spoken, and that it is right again.
function say(status, lines) {
  const wrong = lines.filter((one) => one.over).map((one) => one.words);
  const said = wrong.join(" ") || (status.textContent ? "The text fits." : "");
  if (status.textContent !== said) status.textContent = said;
}

const first = document.querySelector("[data-counters]");
const networks = first && (await rules(first.dataset.rules));
function showAll() {
  for (const one of document.querySelectorAll("[data-counters], [data-counts]")) show(one, networks);
}
if (networks) {
  showAll();
  for (const event of ["input", "change", "htmx:afterSwap"]) {
    document.addEventListener(event, showAll);
  }
}
