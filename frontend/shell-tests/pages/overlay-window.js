// Shows what it is told to.
globalThis.moves = [];
nova.onShow((state) => (document.querySelector("#text").textContent = JSON.parse(state).text));
nova.onMoved((place) => globalThis.moves.push(place));
