import { useState } from "react";
import type { Desktop } from "../../desktop/desktop";
import { describeProblem, useLocale, useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";
import { FieldRow } from "./fields";

/** The server, its API key, and a connection test. */
export function ServerSettings({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().settings;
  const { canServe } = desktop.environment;
  const { server } = useStore(desktop.session.settings);
  const [isLocal, setLocal] = useState(server === "" && canServe);
  const choose = (address: string) => desktop.session.updateSettings({ server: address });
  return (
    <>
      <div className="row choice-row" role="radiogroup" aria-label={texts.server}>
        <label className="radio">
          <input
            type="radio"
            name="server"
            data-testid="server-local"
            checked={isLocal}
            disabled={!canServe}
            onChange={() => {
              setLocal(true);
              choose("");
            }}
          />
          <span>
            {texts.local}
            <small>{canServe ? texts.localHint : texts.notInstalled}</small>
          </span>
        </label>
        <label className="radio">
          <input
            type="radio"
            name="server"
            data-testid="server-remote"
            checked={!isLocal}
            onChange={() => setLocal(false)}
          />
          <span>{texts.remote}</span>
        </label>
      </div>
      {isLocal ? <LocalServerState desktop={desktop} /> : <RemoteServerFields desktop={desktop} onChoose={choose} />}
      <ConnectionTest desktop={desktop} />
    </>
  );
}

function LocalServerState({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().settings;
  const state = useStore(desktop.server);
  const line = state.phase === "starting" ? state.line : state.phase === "failed" ? state.problem : "";
  return (
    <p
      className={state.phase === "failed" ? "row-note is-bad" : "row-note"}
      role="status"
      data-testid="server-state"
      data-phase={state.phase}
    >
      {state.phase === "failed" ? "" : texts.phases[state.phase]} {line}
    </p>
  );
}

function RemoteServerFields({ desktop, onChoose }: { desktop: Desktop; onChoose: (address: string) => void }) {
  const texts = useTexts().settings;
  const { server } = useStore(desktop.session.settings);
  const hasKey = useStore(desktop.hasKey);
  const keyProblem = useStore(desktop.keyProblem);
  const [key, setKey] = useState("");
  return (
    <>
      <FieldRow label={texts.address} hint={texts.addressHint}>
        {(id) => (
          <input
            id={id}
            className="field is-long"
            type="url"
            spellCheck={false}
            data-testid="address"
            value={server}
            onChange={(event) => onChoose(event.target.value.trim())}
          />
        )}
      </FieldRow>
      <FieldRow label={texts.key} hint={hasKey ? texts.keySaved : texts.keyHint}>
        {(id) => (
          <form
            className="key-form"
            onSubmit={(event) => {
              event.preventDefault();
              if (key.trim() !== "") desktop.saveKey(key.trim());
              setKey("");
            }}
          >
            <input
              id={id}
              className="field"
              type="password"
              autoComplete="off"
              spellCheck={false}
              data-testid="server-key"
              placeholder={hasKey ? "••••••••" : ""}
              value={key}
              onChange={(event) => setKey(event.target.value)}
            />
            <button type="submit" className="small" disabled={key.trim() === ""} data-testid="save-key">
              {texts.saveKey}
            </button>
            {hasKey && (
              <button type="button" className="quiet" data-testid="remove-key" onClick={() => desktop.saveKey(null)}>
                {texts.removeKey}
              </button>
            )}
          </form>
        )}
      </FieldRow>
      {keyProblem !== "" && <p className="row-note is-bad">{keyProblem}</p>}
    </>
  );
}

function ConnectionTest({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().settings;
  const locale = useLocale();
  const answer = useStore(desktop.health);
  const [wasTested, setTested] = useState(false);
  const failure = answer !== null && "problem" in answer ? describeProblem(answer.problem, locale) : null;
  return (
    <div className="row">
      <p className={failure === null ? "row-note" : "row-note is-bad"} role="status" data-testid="server-result">
        {wasTested && answer === null && texts.testing}
        {wasTested && answer !== null && "ms" in answer && texts.testPassed(answer.ms)}
        {wasTested && failure !== null && (
          <>
            <strong>{failure.message}</strong> {failure.advice}
          </>
        )}
      </p>
      <button
        type="button"
        className="small"
        data-testid="test-server"
        onClick={() => {
          setTested(true);
          desktop.checkServer();
        }}
      >
        {texts.test}
      </button>
    </div>
  );
}
