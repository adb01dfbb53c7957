/** The bubble during dictation: the status, and the text that is not typed yet. */
import type { BubbleContent } from "./content";
import { appendElement, setText } from "./dom";
import "./bubble.css";

const bubble = appendElement(document.body, "main", "bubble");
const dot = appendElement(bubble, "span", "dot");
const text = appendElement(bubble, "p", "text");
const committedText = appendElement(text, "span", "committed");
const tentativeText = appendElement(text, "span", "tentative");
const statusText = appendElement(bubble, "p", "status");
bubble.setAttribute("aria-live", "polite");

function draw({ tone, status, committed, tentative, language, level }: BubbleContent): void {
  bubble.dataset.tone = tone;
  dot.style.setProperty("--level", String(level));
  setText(statusText, status);
  setText(committedText, committed);
  setText(tentativeText, tentative);
  text.lang = language;
  text.dir = "auto";
  // Shows the last lines of a long utterance.
  text.scrollTop = text.scrollHeight;
}

window.nova?.onOverlayContent((content) => draw(JSON.parse(content) as BubbleContent));
