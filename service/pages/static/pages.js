// What pages do beside htmx: see that no answer is lost, look after files that are too large, print.
(() => {
  "use strict";
  const SINGLE = ["none", "not_announced"];  // answers that leave no room for another one to the same question
  let unsaved = false;

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const noted = (text, place) => {
    const note = document.createElement("p");
    note.className = "problem unsent";
    note.textContent = text;
    place.append(note);
  };

  document.addEventListener("change", (event) => {
    const changed = event.target;
    if (changed.closest("form[data-unsaved]")) unsaved = true;
    // Before htmx sends the answer: this listener comes first.
    const group = changed.closest(".question");
    if (!group || !changed.matches("[type=checkbox], [type=date]") || (changed.type === "checkbox" && !changed.checked)) return;
    for (const other of all(`[name="${changed.name}"]`, group)) {
      if (other === changed || !(SINGLE.includes(changed.value) || SINGLE.includes(other.value))) continue;
      if (other.type === "checkbox") other.checked = false;
      else other.value = "";
    }
  }, true);

  // An answer that did not arrive is sent again with the next one; until then the page says so.
  const notSent = (event) => {
    const field = event.target.closest?.("form.questions:not([data-unsaved]) .question");
    if (!field || field.querySelector(".unsent")) return;
    const again = document.createElement("input");
    Object.assign(again, { type: "hidden", name: "refused", value: field.querySelector("[name]:not([name=refused])").name });
    field.append(again);
    noted("This answer is not saved yet: it did not arrive. It is sent again with the next one.", field);
    unsaved = true;
  };
  document.addEventListener("htmx:error", notSent);
  document.addEventListener("htmx:response:error", notSent);
  document.addEventListener("htmx:after:swap", () => {
    if (!document.querySelector(".unsent, form[data-unsaved]")) unsaved = false;
  });

  document.addEventListener("submit", (event) => {
    for (const file of all("input[type=file][data-most]", event.target)) {
      all(".unsent", file.parentElement).forEach((note) => note.remove());
      const size = Math.max(0, ...[...file.files].map((one) => one.size));
      if (size <= Number(file.dataset.most)) continue;
      event.preventDefault();
      noted(`This file has ${Math.ceil(size / 1e6).toLocaleString("en")} MB, which is more than is taken.`, file.parentElement);
      file.focus();
    }
    if (event.target.matches("form.questions")) unsaved = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });

  // The session has ended while a comparison was followed: the whole page asks for the key.
  document.addEventListener("htmx:sse:error", (event) => {
    if (event.detail?.status === 401) location.reload();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });
  const showPrint = () => all("[data-print]").forEach((button) => { button.hidden = false; });
  document.addEventListener("DOMContentLoaded", () => {
    showPrint();
    if (document.querySelector("form[data-unsaved] .problem")) unsaved = true;
  });
  document.addEventListener("htmx:after:swap", showPrint);
})();
