// Toasts: they go by themselves after ten seconds, not while somebody is at them. What can be undone
// can be so for half a minute (posting/undo.py); a button that is held open longer is not offered.
const STAY = 10_000;
const UNDO = 28_000;
const place = document.getElementById("toasts");

function go(toast) {
  toast.classList.add("going");
  setTimeout(() => toast.remove(), 300);
}

function begin(toast) {
  if (toast.dataset.begun) return;
  toast.dataset.begun = "yes";
  const close = toast.querySelector("[data-close]");
  if (close) close.hidden = false;
  close?.addEventListener("click", () => go(toast));
  if ("undo" in toast.dataset) setTimeout(() => over(toast), UNDO);
  const wait = () => setTimeout(() => go(toast), STAY);
  let clock = wait();
  const hold = () => clearTimeout(clock);
  const again = () => { hold(); clock = wait(); };
  for (const kind of ["pointerenter", "focusin"]) toast.addEventListener(kind, hold);
  for (const kind of ["pointerleave", "focusout"]) toast.addEventListener(kind, again);
}

function over(toast) {
  const form = toast.querySelector("form");
  if (form?.contains(document.activeElement)) toast.querySelector("[data-close]")?.focus();
  form?.remove();
}

export function trouble() {
  if (place.querySelector("[data-trouble]")) return;
  const made = document.getElementById("toast-trouble").content.cloneNode(true);
  made.querySelector("[data-toast]").dataset.trouble = "yes";
  place.append(made);
}

if (place) {
  const look = () => place.querySelectorAll("[data-toast]").forEach(begin);
  new MutationObserver(look).observe(place, { childList: true });
  look();
  const asked = (event) => (event.detail.requestConfig?.verb ?? "get") !== "get";
  for (const kind of ["htmx:sendError", "htmx:responseError"]) {
    document.addEventListener(kind, (event) => { if (asked(event)) trouble(); });
  }
}
