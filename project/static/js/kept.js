// Words that this browser has kept because the server did not get them are offered once more.
const at = (selector) => document.querySelector(selector);

function copies(prefix) {
  const keys = Object.keys(localStorage).filter((name) => name.startsWith(prefix));
  return keys.map((name) => ({ name, key: name.slice(prefix.length), ...read(name) }));
}

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? {};
  } catch {
    return {};
  }
}

function fill(form, copy) {
  const blanks = new Map();
  for (const [name, value] of copy.fields) blanks.set(name, [...(blanks.get(name) ?? []), value]);
  for (const one of form.elements) {
    if (!one.name || one.type === "file" || one.name === "csrfmiddlewaretoken") continue;
    if (one.type === "checkbox") one.checked = (blanks.get(one.name) ?? []).includes(one.value);
    else if (one.tagName !== "BUTTON" && blanks.get(one.name)?.length) one.value = blanks.get(one.name).shift();
  }
  for (const rest of blanks.get("part") ?? []) addPart(form, rest);
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

// A part that the form has no blank for yet.
function addPart(form, words) {
  const blank = document.createElement("textarea");
  Object.assign(blank, { name: "part", rows: 3, value: words, ariaLabel: "A further part" });
  form.querySelector("#parts .actions").before(blank);
}

async function became(form, key) {
  const nobody = "00000000-0000-0000-0000-000000000000";
  const answer = await fetch(form.dataset.kept.replace(nobody, key));
  return answer.ok ? answer.json() : null;
}

/** Show what was kept of this form, or of one that the server has never seen. */
export async function offer({ form, place }) {
  const own = form.elements.key.value;
  const draft = form.elements.version.value !== "";
  for (const copy of copies(place(""))) {
    if (!Array.isArray(copy.fields)) {
      localStorage.removeItem(copy.name);
      continue;
    }
    if (copy.key !== own && draft) continue;
    const found = await became(form, copy.key);
    if (found?.post) localStorage.removeItem(copy.name);
    else if (found && copy.key === own) return show(form, copy);
    else if (found?.draft) return show(form, copy, found.draft);
    else if (found) return show(form, copy);
  }
}

/** Offer what one copy holds; `elsewhere`: the page on which it can be brought back. */
export function show(form, copy, elsewhere = "") {
  const note = at("#kept-copy");
  const text = copy.fields.find(([name]) => name === "text")?.[1] ?? "";
  const hour = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  note.querySelector("[data-kept-when]").textContent = hour.format(new Date(copy.at));
  note.querySelector("[data-kept-text]").textContent = text.slice(0, 120);
  note.hidden = false;
  note.querySelector("[data-kept-take]").addEventListener("click", () => {
    if (elsewhere) {
      location.assign(elsewhere);
      return;
    }
    note.hidden = true;
    fill(form, copy);
  });
  note.querySelector("[data-kept-forget]").addEventListener("click", () => {
    localStorage.removeItem(copy.name);
    note.hidden = true;
  });
}
