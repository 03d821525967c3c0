// What htmx does to a page: comfort only, every page works without it.
// A region that is asked for again and again is changed only when it says something new, so that
// what a person has opened, selected or focused stays. What changed is said to screen readers.
const last = new Map();
const opened = new Map();
const cookie = () => document.cookie.match(/(?:^|; )postrider_csrf=([^;]+)/)?.[1] ?? "";

// The form's own token is enough; this serves buttons that are sent without a form.
document.addEventListener("htmx:configRequest", (event) => {
  const { verb, headers, parameters } = event.detail;
  if (verb !== "get" && !("csrfmiddlewaretoken" in parameters)) headers["X-CSRFToken"] = cookie();
});

function announce() {
  const says = document.querySelector("[data-said]");
  const said = document.getElementById("said");
  if (says && said && said.textContent !== says.dataset.said) said.textContent = says.dataset.said;
}

function isStale(stale) {
  const note = document.getElementById("stale");
  if (note) note.hidden = !stale;
}

// Pieces that poll stop while nobody looks; htmx asks before it sends.
document.addEventListener("htmx:beforeRequest", (event) => {
  const polled = (event.target.getAttribute("hx-trigger") ?? "").includes("every");
  if (polled && document.hidden) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target, serverResponse, requestConfig } = event.detail;
  const arrived = new URL(xhr.responseURL || location.href, location.href).pathname;
  const asked = new URL(requestConfig.path, location.href).pathname;
  if (arrived !== asked) {
    event.detail.shouldSwap = false;
    location.reload(); // logged out meanwhile: the whole page must say so
    return;
  }
  if (!(requestConfig.elt.getAttribute("hx-trigger") ?? "").includes("every")) return;
  isStale(xhr.status >= 400);
  if (xhr.status === 200 && last.get(target.id) === serverResponse) event.detail.shouldSwap = false;
  last.set(target.id, serverResponse);
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
