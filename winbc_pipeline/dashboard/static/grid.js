// The grid of a mapping table: moves between cells, adds, copies and removes rows, and shows what the validator says.
"use strict";
(() => {
  const form = document.getElementById("grid");
  const body = form.querySelector("table.grid tbody");
  const verdict = document.getElementById("verdict");
  const elsewhere = document.getElementById("elsewhere");
  const PAUSE_MS = 500;
  let timer = 0, running = null, edited = false;

  const cellsOf = (row) => [...row.querySelectorAll("[data-column]")];
  const rows = () => [...body.rows];

  function renumber() {
    rows().forEach((row, place) => {
      const number = place + 2;  // as spreadsheets and messages count: row 1 has the names of the columns
      row.cells[0].firstChild.nodeValue = String(number);
      for (const cell of cellsOf(row)) {
        cell.setAttribute("aria-label", `${cell.dataset.column}, ${form.dataset.row} ${number}`);
      }
    });
  }

  function newRow(after, values) {
    const row = document.importNode(document.getElementById("new-row").content, true).querySelector("tr");
    if (!row.cells[0].firstChild || row.cells[0].firstChild.nodeType !== Node.TEXT_NODE) row.cells[0].prepend("0");
    cellsOf(row).forEach((cell, place) => { cell.value = values ? values[place] : ""; });
    if (after) after.after(row); else body.append(row);
    renumber();
    cellsOf(row)[0].focus();
    changed();
  }

  const acts = {
    add: () => newRow(null, null),
    below: (row) => newRow(row, null),
    copy: (row) => newRow(row, cellsOf(row).map((cell) => cell.value)),
    remove: (row) => {
      const next = row.nextElementSibling || row.previousElementSibling;
      row.remove();
      renumber();
      if (next) cellsOf(next)[0].focus();
      changed();
    },
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) acts[button.dataset.do](button.closest("tr"));
  });

  form.addEventListener("keydown", (event) => {
    const cell = event.target;
    if (!cell.dataset || !cell.dataset.column) return;
    const row = cell.closest("tr"), place = cellsOf(row).indexOf(cell);
    const to = (other, at) => { if (other) { event.preventDefault(); cellsOf(other)[at].focus(); } };
    const one = cell.tagName === "TEXTAREA" || cell.list ? event.altKey : true;
    if (event.key === "Enter" && cell.tagName !== "TEXTAREA") {
      event.preventDefault();
      to(event.shiftKey ? row.previousElementSibling : row.nextElementSibling, place);
    } else if (event.key === "ArrowDown" && one) to(row.nextElementSibling, place);
    else if (event.key === "ArrowUp" && one) to(row.previousElementSibling, place);
    else if (event.key === "Insert" && event.altKey) { event.preventDefault(); acts.below(row); }
    else if (event.key.toLowerCase() === "d" && event.ctrlKey) { event.preventDefault(); acts.copy(row); }
    else if (event.key === "Delete" && event.ctrlKey) { event.preventDefault(); acts.remove(row); }
  });

  form.addEventListener("input", (event) => { if (event.target.dataset.column) changed(); });
  form.addEventListener("submit", () => { edited = false; });
  window.addEventListener("beforeunload", (event) => { if (edited) event.preventDefault(); });

  function changed() {
    edited = true;
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE_MS);
  }

  async function check() {
    if (running) running.abort();
    running = new AbortController();
    say("", form.dataset.checking);
    try {
      const answer = await fetch(form.dataset.check, {
        method: "POST", body: new URLSearchParams(new FormData(form)), signal: running.signal,
      });
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.json());
    } catch (error) {
      if (error.name !== "AbortError") say("warn", form.dataset.failed);
    }
  }

  function show(mistakes) {
    for (const cell of body.querySelectorAll("[aria-invalid]")) {
      cell.removeAttribute("aria-invalid");
      cell.removeAttribute("aria-describedby");
    }
    for (const words of body.querySelectorAll("td > small")) words.hidden = true;
    elsewhere.replaceChildren();
    mistakes.forEach((mistake, number) => {
      const row = mistake.row >= 0 ? body.rows[mistake.row] : null;
      const cell = row && (cellsOf(row).find((each) => each.dataset.column === mistake.column) || cellsOf(row)[0]);
      if (!cell) {
        const line = document.createElement("li");
        line.textContent = `${mistake.words} ${mistake.hint}`;
        elsewhere.append(line);
        return;
      }
      const words = cell.parentElement.querySelector("small");
      words.textContent = mistake.words;
      words.id = `mistake-${number}`;
      words.hidden = false;
      if (mistake.hint) {
        const line = document.createElement("li");
        line.textContent = `${form.dataset.row} ${mistake.row + 2}, ${cell.dataset.column}: ${mistake.hint}`;
        elsewhere.append(line);
      }
      cell.setAttribute("aria-invalid", "true");
      cell.setAttribute("aria-describedby", words.id);
    });
    say(mistakes.length ? "bad" : "good", mistakes.length ? `${form.dataset.wrong} ${mistakes.length}` : form.dataset.fine);
  }

  function say(kind, words) {
    verdict.className = `badge ${kind}`;
    verdict.textContent = words;
  }

  renumber();
  check();
})();
