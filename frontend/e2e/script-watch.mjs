// Notices text that is executed, or becomes an element of the page, instead of being shown.

/** Runs in every window before its own scripts. */
export function watchForScripts() {
  globalThis.ran = [];
  globalThis.violations = [];
  for (const name of ["alert", "confirm", "prompt", "print", "open"]) globalThis[name] = () => globalThis.ran.push(name);
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    globalThis.violations.push(`${violatedDirective} ${blockedURI}`),
  );
}

/** Reports scripts that ran, elements that text created within `places` (a selector), and text outside the window. */
export async function inspect(page, places) {
  return page.evaluate((within) => {
    const kinds = "img, svg, iframe, object, embed, link, style, a[href], body script, option *";
    return {
      ran: globalThis.ran,
      violations: globalThis.violations,
      created: [...document.body.querySelectorAll(kinds)]
        .filter((element) => element.closest(within))
        .map((element) => element.outerHTML.slice(0, 100)),
      outside: Math.max(0, document.documentElement.scrollWidth - window.innerWidth),
    };
  }, places);
}

/** Shows that `inspect` would notice text that is inserted without escaping into the element `into` (a selector). */
export async function insertAsHtml(page, text, into) {
  const refused = page.waitForEvent("console", { predicate: (message) => message.type() === "error" });
  await page.evaluate(
    ({ html, selector }) => document.querySelector(selector).insertAdjacentHTML("beforeend", html),
    { html: text, selector: into },
  );
  await refused;
  return inspect(page, into);
}
