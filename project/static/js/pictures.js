// Files go up while a person is still writing, by drop, paste or pick; without this file the form
// sends them itself.
const box = () => document.querySelector("fieldset.files");
const form = () => box().closest("form");
let underWay = 0;

async function ask(url, body) {
  const token = form().querySelector("[name=csrfmiddlewaretoken]").value;
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const kind = answer.headers.get("Content-Type") || "";
  if (!kind.includes("json")) throw new Error("This page is too old. Load it again.");
  const told = await answer.json();
  if (!answer.ok) throw new Error(Object.values(told.errors).flat().join(" "));
  return told;
}

// A form whose last field is the file, or the bare bytes: the ticket says which.
function send(ticket, file, progress) {
  return new Promise((done, failed) => {
    const call = new XMLHttpRequest();
    const away = new Error("The file did not arrive. Choose it again.");
    call.open(ticket.method, ticket.url);
    for (const [name, value] of Object.entries(ticket.headers)) call.setRequestHeader(name, value);
    call.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress(Math.floor((100 * event.loaded) / event.total));
    });
    call.addEventListener("load", () => (call.status < 300 ? done() : failed(away)));
    call.addEventListener("error", () => failed(away));
    if (ticket.method === "PUT") {
      call.send(file);
      return;
    }
    const body = new FormData();
    for (const [name, value] of Object.entries(ticket.fields)) body.append(name, value);
    body.append("file", file);
    call.send(body);
  });
}

function show(row, found) {
  row.querySelector("img.thumb")?.remove();
  row.querySelector("[data-name]").textContent = found.name;
  row.querySelector("[data-bring]").hidden = true;
  row.querySelector("[data-acts]").hidden = false;
  if (!found.thumbnail) return;
  const picture = document.createElement("img");
  Object.assign(picture, { className: "thumb", alt: "", src: found.thumbnail });
  row.prepend(picture);
}

async function bring(row, file) {
  const said = row.querySelector("[data-said]");
  const number = row.querySelector("input[type=hidden]");
  const bar = row.querySelector("progress");
  const { credentials, confirm } = box().dataset;
  row.hidden = false;
  row.dataset.busy = "yes";
  number.value = "";
  underWay += 1;
  try {
    said.textContent = `${file.name} is on its way.`;
    bar.hidden = false;
    const wish = { name: file.name, mime: file.type, size: file.size };
    const { upload, ticket } = await ask(credentials, wish);
    await send(ticket, file, (part) => (bar.value = part));
    said.textContent = `${file.name}: being looked at …`;
    const found = await ask(confirm, { upload });
    number.value = found.upload;
    show(row, found);
    said.textContent = `${found.name} is here.`;
  } catch (problem) {
    said.textContent = `${file.name}: ${problem.message}`;
  } finally {
    row.querySelector("input[type=file]").value = ""; // it is here, or must not go along
    bar.hidden = true;
    delete row.dataset.busy;
    underWay -= 1;
  }
  nudge(row);
  number.dispatchEvent(new Event("input", { bubbles: true }));
}

// Each file into the next row that is free.
async function bringAll(files) {
  for (const file of files) {
    const free = [...box().querySelectorAll(".file-row")].find(
      (row) => !row.dataset.busy && !row.querySelector("input[type=hidden]").value,
    );
    if (free) await bring(free, file);
  }
}

function nudge(row) {
  const here = row.querySelector("input[type=hidden]").value && row.querySelector("img.thumb");
  row.querySelector("[data-nudge]").hidden = !here || row.querySelector("[data-alt]").value.trim() !== "";
}

// With a script there is one place to bring files to; blanks appear as they are filled.
function settle() {
  if (!box()) return;
  box().querySelector("[data-drop]").hidden = false;
  for (const row of box().querySelectorAll(".file-row")) {
    const empty = !row.querySelector("input[type=hidden]").value && !row.querySelector(".errorlist");
    row.hidden = empty && !row.dataset.busy;
  }
}

document.addEventListener("change", (event) => {
  if (!event.target.matches?.("input[data-upload]") || !event.target.files.length) return;
  bring(event.target.closest(".file-row"), event.target.files[0]);
});
document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-alt]")) nudge(event.target.closest(".file-row"));
});
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-pick]")) return;
  const accept = box().querySelector("input[type=file]").accept;
  const pick = Object.assign(document.createElement("input"), { type: "file", multiple: true, accept });
  pick.addEventListener("change", () => bringAll(pick.files));
  pick.click();
});
document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files ?? [];
  if (!box() || !files.length) return;
  event.preventDefault();
  bringAll([...files]);
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!box() || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    box().querySelector("[data-drop]").classList.toggle("over", kind === "dragover");
    if (kind === "drop") bringAll([...event.dataTransfer.files]);
  });
}
document.addEventListener("submit", (event) => {
  if (!underWay || event.target.id !== "compose") return;
  event.preventDefault();
  document.getElementById("saved").textContent = "A file is still on its way. Send the post when it is here.";
});
document.addEventListener("htmx:afterSettle", settle);
settle();
