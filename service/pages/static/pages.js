// What pages do beside htmx: warn before answers are lost, bring a finished report into view, print.
(() => {
  "use strict";
  let unsaved = false;

  document.addEventListener("change", (event) => {
    if (event.target.closest("form[data-unsaved]")) unsaved = true;
  });
  document.addEventListener("submit", () => { unsaved = false; });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });
  const showPrint = () => document.querySelectorAll("[data-print]").forEach((button) => { button.hidden = false; });
  document.addEventListener("DOMContentLoaded", showPrint);
  document.addEventListener("htmx:after:swap", showPrint);
})();
