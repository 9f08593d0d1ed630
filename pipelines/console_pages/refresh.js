"use strict";
// Loads the parts of a page that change again every few seconds, unless somebody is using one of them.

const EVERY_MS = 3000;

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-fresh]")) {
    const other = fresh.getElementById(part.id);
    const isUsed = part.contains(document.activeElement) || part.querySelector("details[open]");
    if (other && !isUsed && other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
  }
}

// An answer that does not come leaves what is shown; the next one may come.
setInterval(() => refresh().catch(() => undefined), EVERY_MS);
