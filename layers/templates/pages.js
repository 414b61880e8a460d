(() => {
  "use strict";

  // Buttons that copy the example beside them; without this script there are none.
  const said = document.getElementById("vgi-said");
  const select = (code) => {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return selection;
  };
  const copy = async (code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      // Pages over plain HTTP have no clipboard, but may ask the browser to copy what is selected.
      const selection = select(code);
      const copied = document.execCommand("copy");
      if (copied) selection.removeAllRanges();
      return copied;
    }
  };
  for (const button of document.querySelectorAll("button.copy")) {
    const label = button.firstElementChild;
    let timer;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const copied = await copy(button.closest(".snippet").querySelector("code"));
      label.textContent = copied ? "Copied" : "Selected";
      if (said) said.textContent = copied ? "Copied" : "Could not copy; the example is selected";
      clearTimeout(timer);
      timer = setTimeout(() => {
        label.textContent = "Copy";
        if (said) said.textContent = "";
      }, 2000);
    });
  }

  const search = document.getElementById("vgi-search");
  if (!search) return;
  const matches = document.getElementById("vgi-matches");
  const entries = [...document.querySelectorAll("[data-name]")];
  const groups = [...document.querySelectorAll("[data-group]")];
  const total = document.querySelectorAll("article[data-name]").length;
  const methods = (count) => count + (count === 1 ? " method" : " methods");

  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    for (const entry of entries) entry.hidden = !entry.dataset.name.includes(wanted);
    for (const group of groups) group.hidden = wanted !== "" && !group.querySelector("[data-name]:not([hidden])");
    const count = document.querySelectorAll("article[data-name]:not([hidden])").length;
    matches.textContent = wanted === "" ? methods(total) : count + " of " + methods(total);
  };
  // What a link leads to is shown, whatever was searched for before.
  const reveal = () => {
    let id = location.hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      return;
    }
    const target = document.getElementById(id);
    if (target && target.closest("[hidden]")) {
      search.value = "";
      filter();
      target.scrollIntoView();
    }
  };

  document.getElementById("vgi-finder").hidden = false;
  search.addEventListener("input", filter);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value !== "") {
      event.preventDefault();
      search.value = "";
      filter();
    }
    if (event.key === "Enter") {
      const first = document.querySelector("article[data-name]:not([hidden]) h3 a");
      if (first) first.focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    // The radio buttons are inputs in which nothing is typed.
    if (event.key === "/" && plain && (!typing || typing.type === "radio")) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });
  window.addEventListener("hashchange", reveal);
  // A browser that goes back fills the field in again.
  filter();
})();
