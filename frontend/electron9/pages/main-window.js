// A main window for tests: records what the shell sends, and does nothing by itself.
globalThis.received = { actions: [], serverStates: [], moves: [] };
nova.onUserAction((action) => received.actions.push(action));
nova.onServerState((state) => received.serverStates.push(state));
nova.onOverlayMoved((placement) => received.moves.push(placement));
