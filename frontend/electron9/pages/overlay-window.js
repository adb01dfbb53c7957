// An overlay window for tests: shows the text of its content.
globalThis.moves = [];
nova.onOverlayContent((content) => (document.querySelector("#text").textContent = JSON.parse(content).text));
nova.onOverlayMoved((placement) => globalThis.moves.push(placement));
