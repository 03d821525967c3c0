// A draft saves itself one second after the typing stops. What is not saved yet is kept in this
// browser, by person and form: a reload, a log-out or a broken server loses nothing.
import { offer } from "./kept.js";

const PAUSE_MS = 1000;
const SKIPPED = new Set(["csrfmiddlewaretoken", "version", "over", "do"]);
const at = (selector) => document.querySelector(selector);
const form = () => at("#compose");
const token = () => document.cookie.match(/(?:^|; )postrider_csrf=([^;]+)/)?.[1];
const place = (key) => `compose:${form().dataset.user}:${key}`;
const mine = () => form().elements.key.value;
let later = 0;
let busy = null;
let stopped = false; // a conflict waits for its answer
let saved = snapshot();

function entries() {
  return [...new FormData(form())].filter(([name, value]) => typeof value === "string" && !SKIPPED.has(name));
}

function snapshot() {
  return form() ? JSON.stringify(entries()) : "";
}

function say(words) {
  at("#saved").textContent = words;
}

function keepCopy() {
  const copy = { at: Date.now(), version: form().elements.version.value, fields: entries() };
  try {
    localStorage.setItem(place(mine()), JSON.stringify(copy));
  } catch {
    // full or forbidden: the server still has what was saved
  }
}

function clock() {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(new Date());
}

/** Save what stands there now; resolves when the server has answered. */
export async function save(over = "") {
  clearTimeout(later);
  if (busy) await busy;
  const sent = snapshot();
  busy = send(sent, over).finally(() => (busy = null));
  await busy;
}

async function send(sent, over) {
  const body = new FormData(form());
  for (const name of [...body.keys()]) if (body.get(name) instanceof File) body.delete(name);
  if (over) body.set("over", over);
  say("Saving …");
  let answer, told;
  try {
    if (token()) body.set("csrfmiddlewaretoken", token()); // another tab may have logged in anew
    answer = await fetch(form().dataset.save, { method: "POST", body });
    told = answer.status === 403 ? {} : await answer.json();
  } catch {
    say("Not saved: the server does not answer. Your words are kept in this browser.");
    later = setTimeout(() => save(), 10 * PAUSE_MS);
    return;
  }
  if (answer.status === 401 || answer.status === 403) loggedOut();
  else if (answer.status === 409) conflict(told);
  else if (!answer.ok) say(`Not saved: ${Object.values(told.errors).flat().join(" ")}`);
  else done(told, sent);
}

function done(told, sent) {
  form().elements.version.value = told.version;
  form().action = told.url;
  form().dataset.stepTo = told.url;
  if (location.pathname !== told.url) history.replaceState(null, "", told.url);
  saved = sent;
  stopped = false;
  if (snapshot() === sent) {
    localStorage.removeItem(place(mine()));
    at("#saved").dataset.state = "saved";
  }
  say([`Saved ${clock()}, version ${told.version}.`, ...told.warnings].join(" "));
}

function loggedOut() {
  const link = document.createElement("a");
  link.href = `${form().dataset.login}?next=${encodeURIComponent(location.pathname)}`;
  link.textContent = "Log in";
  at("#saved").replaceChildren("Not saved: you are logged out. ", link, ", and your words are back.");
}

function conflict(told) {
  stopped = true;
  say("Not saved: there are two versions of this draft.");
  const both = new DOMParser().parseFromString(told.html, "text/html").body;
  at("#conflict-body").replaceChildren(...both.childNodes);
  if (!at("#conflict").open) at("#conflict").showModal();
}

document.addEventListener("click", async (event) => {
  const keep = event.target.closest?.("#conflict [data-keep-mine]");
  if (keep) {
    event.preventDefault();
    at("#conflict").close();
    await save(keep.value);
  }
  if (event.target.closest?.("[data-take-theirs]")) localStorage.removeItem(place(mine()));
  if (event.target.closest?.("#save") && !event.defaultPrevented && !event.target.closest("[data-step]")) {
    event.preventDefault();
    stopped = false;
    await save();
  }
});

document.addEventListener("input", (event) => {
  if (!form() || !event.target.closest?.("#writing") || snapshot() === saved) return;
  keepCopy();
  at("#saved").dataset.state = "open";
  clearTimeout(later);
  if (!stopped) later = setTimeout(() => save(), PAUSE_MS);
});
document.addEventListener("submit", async (event) => {
  clearTimeout(later);
  if (busy && event.target === form()) { // else the form would meet its own save on the way
    const by = event.submitter;
    event.preventDefault();
    await busy;
    if (!stopped) form().requestSubmit(by?.form === form() ? by : null);
    return;
  }
  if (form() && token()) form().elements.csrfmiddlewaretoken.value = token();
});

if (form()) await offer({ form: form(), place });
