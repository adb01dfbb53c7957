// Usage: remap-keys.mjs FROM TO. Maps all keys of the X server that have only the keysym FROM (0 for none) to TO.
import x11 from "x11";

const [from, to] = process.argv.slice(2).map(Number);

x11.createClient({ display: process.env.DISPLAY, shm: "off" }, (error, { client, min_keycode, max_keycode }) => {
  if (error) throw error;
  client.GetKeyboardMapping(min_keycode, max_keycode - min_keycode + 1, (_, rows) => {
    for (const [index, row] of rows.entries()) {
      const isOnly = row[0] === from && row.every((keysym) => keysym === from || keysym === 0);
      if (isOnly) client.ChangeKeyboardMapping(min_keycode + index, 1, [to]);
    }
    client.GetInputFocus(() => client.terminate());
  });
});
