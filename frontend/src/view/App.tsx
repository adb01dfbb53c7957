import type { Session } from "../session/session";
import { Controls } from "./Controls";
import { SessionExport } from "./ExportMenu";
import { Notices } from "./Notices";
import { ConnectionStatus } from "./ConnectionStatus";
import { Transcript } from "./Transcript";

export function App({ session }: { session: Session }) {
  return (
    <div className="page">
      <header className="top">
        <h1 className="wordmark">Nova Voice</h1>
        <ConnectionStatus session={session} />
      </header>
      <Transcript session={session} />
      <footer className="dock">
        <Notices session={session} />
        <SessionExport session={session} />
        <Controls session={session} />
      </footer>
    </div>
  );
}
