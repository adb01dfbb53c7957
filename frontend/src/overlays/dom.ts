/** The few elements that the little windows are made of. */

export function element(parent: Element, name: string, className: string): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  parent.append(made);
  return made;
}

/** Touches the page only where something else is to stand there. */
export function write(where: Element, text: string): void {
  if (where.textContent !== text) where.textContent = text;
}
