"use strict";
// The chat page: sends what is said, puts in predictions as the server renders them, sends corrections.

const form = document.getElementById("say");
const field = form.elements.text;
const talk = document.getElementById("talk");
const news = document.getElementById("news");
const trouble = document.getElementById("trouble");
const texts = form.dataset;
const KEPT = `malgil-corrected:${texts.room}`; // message ids and intents, nothing of what was said
const waiting = new Map(); // message id: the timer that says that no prediction came

const find = (id) => document.getElementById(`m-${id}`);
const show = (element, line) => { element.textContent = line; element.hidden = !line; };
const corrected = () => JSON.parse(sessionStorage.getItem(KEPT) || "{}");

async function post(what, fields) {
  const body = new URLSearchParams({ form_token: form.elements.form_token.value, ...fields });
  const answer = await fetch(`${texts.room}/${what}`, { method: "POST", body });
  const isJson = (answer.headers.get("content-type") || "").includes("json");
  const value = isJson ? await answer.json() : { line: await answer.text() };
  if (!answer.ok) throw new Error(value.line);
  return value;
}

function append(item) {
  document.getElementById("hello").hidden = true;
  talk.append(item);
  item.scrollIntoView({ block: "nearest" });
}

function makePending(text) {
  const item = document.createElement("li");
  item.className = "exchange";
  const said = document.createElement("p");
  said.className = "said";
  said.lang = "ko";
  said.textContent = text;
  const line = document.createElement("p");
  line.className = "line muted";
  line.textContent = texts.waiting;
  item.append(said, line);
  return item;
}

function tellFailure(item, line) {
  item.lastElementChild.className = "line trouble";
  item.lastElementChild.textContent = line;
  news.textContent = line;
}

async function say(text) {
  const item = makePending(text);
  append(item);
  try {
    const { message_id: id } = await post("messages", { text, bot_id: form.elements.bot_id.value });
    if (find(id)) { // the prediction was faster than this answer
      item.remove();
      return;
    }
    item.id = `m-${id}`;
    waiting.set(id, setTimeout(() => tellFailure(item, texts.slow), 1000 * Number(texts.answerS)));
  } catch (error) {
    tellFailure(item, `${texts.failed} ${error.message}`);
  }
}

function markCorrected(item, intent) {
  const mark = item.querySelector(".corrected");
  show(mark, `${texts.corrected} ${intent}`);
  for (const button of item.querySelectorAll("[data-correct]")) {
    button.setAttribute("aria-pressed", String(button.dataset.correct === intent));
  }
}

async function correct(item, intent) {
  const line = item.querySelector(".trouble");
  try {
    await post("corrections", { message_id: item.dataset.message, intent });
    sessionStorage.setItem(KEPT, JSON.stringify({ ...corrected(), [item.dataset.message]: intent }));
    show(line, "");
    markCorrected(item, intent);
    news.textContent = `${texts.corrected} ${intent}`;
  } catch (error) {
    show(line, error.message);
  }
}

function putIn({ message_id: id, html, news: told }) {
  const template = document.createElement("template");
  template.innerHTML = html; // our own server's, escaped there
  const item = template.content.querySelector("li");
  const before = find(id);
  if (before) before.replaceWith(item);
  else append(item);
  if (waiting.has(id) || before) {
    news.textContent = told;
    item.scrollIntoView({ block: "nearest" });
  }
  clearTimeout(waiting.get(id));
  waiting.delete(id);
  const known = corrected()[id];
  if (known) markCorrected(item, known);
}

function listen() {
  const events = new EventSource(`${texts.room}/events`);
  events.addEventListener("prediction", (event) => putIn(JSON.parse(event.data)));
  events.addEventListener("trouble", (event) => show(trouble, JSON.parse(event.data).line));
  events.addEventListener("ready", () => show(trouble, ""));
  events.addEventListener("error", () =>
    show(trouble, events.readyState === EventSource.CLOSED ? texts.closed : texts.lost));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  field.focus();
  say(text);
});
talk.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-say], button[data-correct]");
  if (!button) return;
  if (button.dataset.say) say(button.dataset.say);
  else correct(button.closest("li"), button.dataset.correct);
});
talk.addEventListener("submit", (event) => {
  event.preventDefault();
  correct(event.target.closest("li"), event.target.querySelector("input").value.trim());
});
listen();
