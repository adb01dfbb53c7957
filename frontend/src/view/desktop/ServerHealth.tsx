import { visibleProblem } from "../../../client/src/session/connection-state";
import type { Desktop } from "../../desktop/desktop";
import { describeProblem, useLocale, useTexts } from "../../i18n/texts";
import { ConnectionStatus } from "../ConnectionStatus";
import { useStore } from "../useStore";

/** The response time of the server, or why it is not available. A click checks again. */
export function ServerHealth({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().status;
  const locale = useLocale();
  const server = useStore(desktop.server);
  const state = useStore(desktop.session.connection);
  const last = useStore(desktop.health);
  const problem = visibleProblem(state);
  const answer = problem === null ? last : { problem };
  const starting = server.phase === "starting" ? `${texts.starting} ${server.line}` : null;
  const health =
    answer === null
      ? texts.checking
      : "ms" in answer
        ? texts.responseTime(answer.ms)
        : describeProblem(answer.problem, locale).message;
  const tone = answer === null ? "asking" : "ms" in answer ? "well" : "away";
  return (
    <div className="health">
      <button
        type="button"
        className="quiet health-server"
        title={texts.check}
        data-testid="health"
        data-state={tone}
        onClick={desktop.checkServer}
        disabled={state.phase !== "idle" && state.phase !== "failed"}
      >
        {starting ?? health}
      </button>
      <ConnectionStatus session={desktop.session} />
    </div>
  );
}
