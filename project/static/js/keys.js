// Keys: an element says which one is its own by data-key ("n", "/", "Ctrl+s"); pressing it clicks
// the element, or focuses it if something is typed there. Off while somebody types.
const MEANT_WHILE_TYPING = new Set(["Ctrl+enter", "Ctrl+s", "Ctrl+k"]);

function typing(element) {
  return element instanceof HTMLElement
    && (element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox], [type=radio])"));
}

function named(event) {
  const key = event.key.toLowerCase();
  if (event.altKey || key === "control" || key === "meta") return "";
  return event.ctrlKey || event.metaKey ? `Ctrl+${key}` : key;
}

function seen(element) {
  return !element.closest("dialog:not([open])") && element.checkVisibility?.() !== false;
}

function owner(key) {
  const found = [...document.querySelectorAll("[data-key]")];
  const mine = found.filter((one) => one.dataset.key.toLowerCase() === key.toLowerCase());
  // The last one is the nearest: what a page adds stands behind the shell's own.
  return mine.filter((one) => seen(one) && !one.disabled).pop();
}

function press(element) {
  if (typing(element)) element.focus();
  else element.click();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const key = named(event);
  if (!key) return;
  const inside = typing(event.target);
  if (inside && !MEANT_WHILE_TYPING.has(key)) return;
  if (document.querySelector("dialog[open]") && key !== "Ctrl+enter") return;
  const element = owner(key);
  if (element) {
    event.preventDefault();
    press(element);
  } else if (key === "Ctrl+enter" && event.target instanceof HTMLTextAreaElement) {
    event.target.form?.requestSubmit();
  } else if (key === "?" || key === "/") {
    event.preventDefault();
    document.getElementById(key === "?" ? "keys" : "palette")?.showModal();
  }
});
