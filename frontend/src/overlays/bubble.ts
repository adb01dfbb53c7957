/** The bubble while someone dictates: what goes on, and the words that are not typed yet. */
import type { Bubble } from "./content";
import { element, write } from "./dom";
import "./bubble.css";

const bubble = element(document.body, "main", "bubble");
const dot = element(bubble, "span", "dot");
const text = element(bubble, "p", "text");
const firm = element(text, "span", "firm");
const faint = element(text, "span", "faint");
const status = element(bubble, "p", "status");
bubble.setAttribute("aria-live", "polite");

function draw({ tone, status: words, firm: said, faint: guessed, language, level }: Bubble): void {
  bubble.dataset.tone = tone;
  dot.style.setProperty("--level", String(level));
  write(status, words);
  write(firm, said);
  write(faint, guessed);
  text.lang = language;
  text.dir = "auto";
  // Of a long utterance the last lines are seen.
  text.scrollTop = text.scrollHeight;
}

window.nova?.onShow((state) => {
  draw(JSON.parse(state) as Bubble);
});
