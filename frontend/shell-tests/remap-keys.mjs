// keys.mjs FROM TO: every key of the X server whose only meaning is FROM (a keysym; 0: none) means TO from now on.
import x11 from "x11";

const [from, to] = process.argv.slice(2).map(Number);

x11.createClient({ display: process.env.DISPLAY, shm: "off" }, (error, { client, min_keycode, max_keycode }) => {
  if (error) throw error;
  client.GetKeyboardMapping(min_keycode, max_keycode - min_keycode + 1, (_, rows) => {
    for (const [place, row] of rows.entries()) {
      const isOnly = row[0] === from && row.every((keysym) => keysym === from || keysym === 0);
      if (isOnly) client.ChangeKeyboardMapping(min_keycode + place, 1, [to]);
    }
    client.GetInputFocus(() => client.terminate());
  });
});
