// Drag what has [data-drag] (the address that is told) onto what has [data-place] (what it is
// told); [data-fixed] and [data-refuses] say why not. By mouse at once, by touch after a hold.
// Every move can be done by words as well ("Move to…").
const FAR = 6;
const HOLD = 400;
const EDGE = 60;
let held = null;

function refusal(item, place) {
  if (item.dataset.fixed) return item.dataset.fixed;
  if ("past" in place.dataset) return "That day has passed; choose a later one.";
  return place.dataset.refuses ?? "";
}

// A lane's posts stay in their lane.
function places(item) {
  const lane = item.dataset.inLane;
  const within = lane ? document.querySelector(`[data-lane="${lane}"]`) : document;
  return [...within.querySelectorAll("[data-place]")];
}

function tell(words) {
  const made = document.getElementById("toast-refused").content.cloneNode(true);
  made.querySelector("p").textContent = words;
  document.getElementById("toasts").append(made);
}

function begin() {
  const { item, x, y } = held;
  const box = item.getBoundingClientRect();
  const ghost = item.cloneNode(true);
  ghost.removeAttribute("id");
  ghost.classList.add("dragged");
  ghost.setAttribute("aria-hidden", "true");
  ghost.style.setProperty("width", `${box.width}px`);
  document.body.append(ghost);
  held.ghost = ghost;
  held.shift = { x: x - box.left, y: y - box.top };
  item.dataset.ghost = "";
  for (const place of places(item)) place.dataset.drop = refusal(item, place) ? "no" : "yes";
  document.documentElement.classList.add("dragging");
  follow(x, y);
}

function follow(x, y) {
  held.x = x;
  held.y = y;
  held.ghost.style.setProperty("translate", `${x - held.shift.x}px ${y - held.shift.y}px`);
  const over = placeAt(x, y);
  if (over !== held.over) {
    delete held.over?.dataset.over;
    if (over) over.dataset.over = "";
    held.over = over;
  }
  if (y < EDGE) scrollBy(0, -12);
  if (y > innerHeight - EDGE) scrollBy(0, 12);
}

function placeAt(x, y) {
  const found = document.elementFromPoint(x, y)?.closest("[data-drop]");
  return found ?? null;
}

function end() {
  clearTimeout(held.clock);
  held.ghost?.remove();
  delete held.item.dataset.ghost;
  delete held.over?.dataset.over;
  for (const place of document.querySelectorAll("[data-drop]")) delete place.dataset.drop;
  document.documentElement.classList.remove("dragging");
  held = null;
}

// The card stands in its new place at once; the server's answer makes it so, or takes it back.
async function drop(item, place) {
  const before = { parent: item.parentElement, next: item.nextSibling };
  let taken = false;
  item.addEventListener("htmx:afterRequest", (event) => { taken = event.detail.successful; }, { once: true });
  if (!item.dataset.inLane) place.append(item);
  item.dataset.ghost = "";
  const values = { to: place.dataset.place, seen: item.dataset.seen ?? "" };
  await htmx.ajax("POST", item.dataset.drag, { source: item, target: item, swap: "none", values });
  if (!taken) before.parent.insertBefore(item, before.next);
  delete item.dataset.ghost;
  const board = { target: "#board", select: "#board", swap: "outerHTML" };
  await htmx.ajax("GET", location.pathname + location.search, board);
}

document.addEventListener("pointerdown", (event) => {
  const item = event.target.closest?.("[data-drag]");
  if (!item || event.button !== 0 || event.target.closest("input, label, .planned-more")) return;
  held = { item, x: event.clientX, y: event.clientY, touch: event.pointerType === "touch" };
  if (held.touch) held.clock = setTimeout(begin, HOLD);
});

document.addEventListener("pointermove", (event) => {
  if (!held) return;
  if (held.ghost) return follow(event.clientX, event.clientY);
  const moved = Math.hypot(event.clientX - held.x, event.clientY - held.y);
  if (moved < FAR) return;
  if (held.touch) end();
  else begin();
});

document.addEventListener("pointerup", (event) => {
  if (!held) return;
  const { item, ghost } = held;
  const place = ghost ? placeAt(event.clientX, event.clientY) : null;
  end();
  if (!ghost) return;
  addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", stop, { capture: true }));
  if (!place || place.contains(item)) return;
  const why = refusal(item, place);
  if (why) tell(why);
  else drop(item, place);
});

function stop(event) {
  event.preventDefault();
  event.stopPropagation();
}

document.addEventListener("pointercancel", () => { if (held) end(); });
document.addEventListener("keydown", (event) => { if (held && event.key === "Escape") end(); });
document.addEventListener("contextmenu", (event) => { if (held?.touch) event.preventDefault(); });
document.addEventListener("touchmove", (event) => { if (held?.ghost) event.preventDefault(); }, { passive: false });
document.addEventListener("dragstart", (event) => {
  if (event.target.closest?.("[data-drag]")) event.preventDefault();
});
