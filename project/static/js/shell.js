// The shell: dialogs, menus, the clock and the theme. Without it links and forms do the same.
const MINUTE = 60_000;

// [data-opens="id"] opens the dialog of that id instead of following its link.
document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  const dialog = opener && document.getElementById(opener.dataset.opens);
  if (!dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (!dialog.open) dialog.showModal();
});

// A click on the ground beside a dialog closes it.
document.addEventListener("click", (event) => {
  if (!(event.target instanceof HTMLDialogElement)) return;
  const box = event.target.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right
    && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) event.target.close();
});

// One menu at a time; Esc and a click elsewhere close it.
function closeMenus(but) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(but)) menu.open = false;
  }
}
document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details[data-menu][open]");
  closeMenus(null);
  menu?.querySelector("summary")?.focus();
});

// The palette shows the places whose word begins with, or holds, what is typed.
const palette = document.querySelector("[data-palette]");
const box = document.querySelector("#palette input");
function rows() {
  return [...palette.querySelectorAll("a")].filter((row) => !row.closest("li").hidden);
}
box?.addEventListener("input", () => {
  const typed = box.value.trim().toLowerCase();
  for (const row of palette.querySelectorAll("[data-word]")) {
    row.closest("li").hidden = !row.dataset.word.toLowerCase().includes(typed);
  }
});
document.getElementById("palette")?.addEventListener("close", () => {
  box.value = "";
  document.getElementById("found").replaceChildren();
  for (const row of palette.querySelectorAll("[data-word]")) row.closest("li").hidden = false;
});
document.getElementById("palette")?.addEventListener("keydown", (event) => {
  const all = rows();
  const at = all.indexOf(document.activeElement);
  if (event.key === "ArrowDown") all[Math.min(at + 1, all.length - 1)]?.focus();
  else if (event.key === "Escape") event.currentTarget.close(); // or it would only empty the box
  else if (event.key === "ArrowUp") (at > 0 ? all[at - 1] : box).focus();
  else if (event.key === "Enter" && at < 0 && all.length) all[0].click();
  else return;
  event.preventDefault();
});

function tick() {
  for (const clock of document.querySelectorAll("[data-clock]")) {
    const form = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: clock.dataset.clock };
    clock.textContent = new Intl.DateTimeFormat("en-GB", form).format(new Date());
  }
}
tick();
setTimeout(() => { tick(); setInterval(tick, MINUTE); }, MINUTE - (Date.now() % MINUTE));

// The theme changes at once; the cookie is set by the answer, so that the next page has it.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches?.("[data-themes]")) return;
  event.preventDefault();
  const chosen = event.submitter.value;
  const body = new FormData(form, event.submitter);
  await fetch(form.action, { method: "POST", body, redirect: "manual" });
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  for (const one of form.querySelectorAll("button")) {
    one.setAttribute("aria-pressed", String(one.value === chosen));
  }
});
