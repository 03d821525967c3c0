// How many are selected, in words; without it the button says the same thing more loosely.
function count() {
  const words = document.querySelector("[data-chosen-words]");
  if (!words) return;
  const chosen = document.querySelectorAll('input[name="posts"]:checked').length;
  words.textContent = chosen ? `With the ${chosen} selected:` : "Select posts, then:";
}

document.addEventListener("change", (event) => {
  if (event.target.matches?.('input[name="posts"]')) count();
});
document.addEventListener("htmx:afterSwap", count);
count();
