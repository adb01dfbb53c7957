// Opens WebSockets from the page, and reports which ones its content security policy allows.
//
//   node e2e/connections.mjs --url http://localhost:8080 --wav FILE --to ws://localhost:8081/v1/stream --to ws://10.0.0.5/
//
// Prints a JSON object: allowed (address: whether the browser tried to connect).
import { parseArgs } from "node:util";
import { inProfile, options } from "./browser.mjs";

const { values: args } = parseArgs({
  options: { ...options, to: { type: "string", multiple: true, default: [] } },
});

await inProfile(args, async (_, page) => {
  await page.goto(args.url);
  const allowed = await page.evaluate(async (addresses) => {
    const blocked = new Set();
    document.addEventListener("securitypolicyviolation", (event) =>
      blocked.add(event.blockedURI),
    );
    const attempts = addresses.map(
      (address) =>
        new Promise((settled) => {
          const socket = new WebSocket(address);
          socket.onopen = socket.onerror = () => settled(socket.close());
        }),
    );
    await Promise.all(attempts);
    return Object.fromEntries(
      addresses.map((address) => [address, !blocked.has(address)]),
    );
  }, args.to);
  process.stdout.write(`${JSON.stringify({ allowed })}\n`);
});
