import { trouble } from "../../../client/src/session/connection-state";
import type { Desk } from "../../desktop/desktop";
import { told, useLocale, useWords } from "../../i18n/texts";
import { Status } from "../ConnectionStatus";
import { useStore } from "../useStore";

/** What goes on, and how well the server answers; pressed, it is asked again. */
export function Health({ desk }: { desk: Desk }) {
  const words = useWords().status;
  const locale = useLocale();
  const server = useStore(desk.server);
  const state = useStore(desk.session.connection);
  const last = useStore(desk.health);
  const why = trouble(state);
  const answer = why === null ? last : { problem: why };
  const starting = server.phase === "starting" ? `${words.starting} ${server.line}` : null;
  const health =
    answer === null ? words.checking : "ms" in answer ? words.answers(answer.ms) : told(answer.problem, locale).message;
  const tone = answer === null ? "asking" : "ms" in answer ? "well" : "away";
  return (
    <div className="health">
      <button
        type="button"
        className="quiet health-server"
        title={words.check}
        data-testid="health"
        data-state={tone}
        onClick={desk.check}
        disabled={state.phase !== "idle" && state.phase !== "failed"}
      >
        {starting ?? health}
      </button>
      <Status session={desk.session} />
    </div>
  );
}
