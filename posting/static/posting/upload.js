// Files go up while a person is still writing; without this file the form sends them itself.
"use strict";

(() => {
  const box = document.querySelector("fieldset.files");
  if (!box) return;
  const form = box.closest("form");
  let under_way = 0;

  async function ask(url, body) {
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify(body),
    });
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
    if (!found.thumbnail) return;
    const picture = document.createElement("img");
    picture.className = "thumb";
    picture.alt = "";
    picture.src = found.thumbnail;
    row.prepend(picture);
  }

  async function bring(input) {
    const row = input.closest(".file-row");
    const said = row.querySelector("[data-said]");
    const number = row.querySelector("input[type=hidden]");
    const file = input.files[0];
    if (!file) return;
    number.value = "";
    under_way += 1;
    try {
      const wish = { name: file.name, mime: file.type, size: file.size };
      const { upload, ticket } = await ask(box.dataset.credentials, wish);
      await send(ticket, file, (part) => (said.textContent = `${file.name}: ${part} %`));
      said.textContent = `${file.name}: being looked at …`;
      const found = await ask(box.dataset.confirm, { upload });
      number.value = found.upload;
      show(row, found);
      said.textContent = `${found.name} is here.`;
    } catch (problem) {
      said.textContent = `${file.name}: ${problem.message}`;
    } finally {
      input.value = ""; // it is here already, or it must not go along with the form
      under_way -= 1;
    }
  }

  box.addEventListener("change", (event) => {
    if (event.target.matches("input[data-upload]")) bring(event.target);
  });

  form.addEventListener("submit", (event) => {
    if (!under_way) return;
    event.preventDefault();
    const said = box.querySelector("[data-said]");
    said.textContent = "A file is still on its way. Send the post when it is here.";
  });
})();
