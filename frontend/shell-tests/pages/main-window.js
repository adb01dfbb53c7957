// A window that remembers what the shell tells it, and does nothing by itself.
globalThis.heard = { wishes: [], server: [], moves: [] };
nova.onWish((wish) => heard.wishes.push(wish));
nova.onServer((state) => heard.server.push(state));
nova.onMoved((place) => heard.moves.push(place));
