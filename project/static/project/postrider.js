// Comfort only: every page works without this file.
"use strict";

// A region that is asked for again and again is changed only when it says something new, so that
// what a person has opened, selected or focused stays. What changed is said to screen readers.
const last = new Map();
const opened = new Map();

function isResults(element) {
  return element instanceof Element && element.id === "results";
}

function announce() {
  const results = document.getElementById("results");
  const said = document.getElementById("said");
  if (results && said && said.textContent !== results.dataset.said) {
    said.textContent = results.dataset.said;
  }
}

function isStale(stale) {
  const note = document.getElementById("stale");
  if (note) note.hidden = !stale;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target, serverResponse, requestConfig } = event.detail;
  const arrived = new URL(xhr.responseURL || location.href, location.href).pathname;
  const asked = new URL(requestConfig.path, location.href).pathname;
  if (arrived !== asked) {
    event.detail.shouldSwap = false;
    location.reload(); // logged out meanwhile: the whole page must say so
    return;
  }
  if (!isResults(target)) return;
  isStale(xhr.status >= 400);
  if (xhr.status === 200 && last.get(asked) === serverResponse) event.detail.shouldSwap = false;
  last.set(asked, serverResponse);
});

document.addEventListener("htmx:afterSwap", () => {
  for (const [id, open] of opened) {
    const details = document.getElementById(id);
    if (details) details.open = open;
  }
  announce();
});

document.addEventListener("htmx:sendError", () => isStale(true));

document.addEventListener("click", (event) => {
  const summary = event.target instanceof Element && event.target.closest("summary");
  const details = summary && summary.parentElement;
  if (details && details.id) opened.set(details.id, !details.open);
});

// Ctrl+Enter (or ⌘+Enter) sends the post.
document.addEventListener("keydown", (event) => {
  const wanted = event.key === "Enter" && (event.ctrlKey || event.metaKey);
  if (wanted && event.target instanceof HTMLTextAreaElement) event.target.form.requestSubmit();
});
