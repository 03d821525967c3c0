// Selecting many posts: how many are selected, in words; and a range with Shift. Without it the
// buttons say the same more loosely, and each box is ticked by itself.
let last = null;

const boxes = () => [...document.querySelectorAll('input[name="posts"]')];

function count() {
  const words = document.querySelector("[data-chosen-words]");
  if (!words) return;
  const every = document.querySelector("[data-every]");
  const all = Boolean(every?.checked);
  for (const box of boxes()) if (every) box.disabled = all;
  const chosen = all ? every.dataset.every : boxes().filter((box) => box.checked).length;
  words.textContent = Number(chosen) ? `With the ${chosen} selected:` : "Select posts, then:";
}

// From the box that was clicked before to this one: all become as this one is.
function range(box) {
  const every = boxes();
  const [from, to] = [every.indexOf(last), every.indexOf(box)].sort((a, b) => a - b);
  if (from < 0) return;
  for (const one of every.slice(from, to + 1)) one.checked = box.checked;
}

document.addEventListener("click", (event) => {
  const box = event.target;
  if (!box.matches?.('input[name="posts"]')) return;
  if (event.shiftKey && last) range(box);
  last = box;
  count();
});

document.addEventListener("change", (event) => {
  if (event.target.matches?.('input[name="posts"], [data-every]')) count();
});
document.addEventListener("htmx:afterSwap", () => {
  last = null;
  count();
});
count();
