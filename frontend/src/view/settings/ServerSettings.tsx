import { useState } from "react";
import type { Desk } from "../../desktop/desktop";
import { told, useLocale, useWords } from "../../i18n/texts";
import { useStore } from "../useStore";
import { Row } from "./fields";

/** Where the server is, its key, and whether it answers. */
export function ServerChoice({ desk }: { desk: Desk }) {
  const words = useWords().settings;
  const { canServe } = desk.surroundings;
  const { server } = useStore(desk.session.settings);
  const [isHere, setHere] = useState(server === "" && canServe);
  const choose = (address: string) => {
    desk.session.choose({ server: address });
  };
  return (
    <>
      <div className="row choice-row" role="radiogroup" aria-label={words.server}>
        <label className="radio">
          <input
            type="radio"
            name="server"
            data-testid="server-here"
            checked={isHere}
            disabled={!canServe}
            onChange={() => {
              setHere(true);
              choose("");
            }}
          />
          <span>
            {words.here}
            <small>{canServe ? words.hereHow : words.notInstalled}</small>
          </span>
        </label>
        <label className="radio">
          <input
            type="radio"
            name="server"
            data-testid="server-elsewhere"
            checked={!isHere}
            onChange={() => {
              setHere(false);
            }}
          />
          <span>{words.elsewhere}</span>
        </label>
      </div>
      {isHere ? <Here desk={desk} /> : <Elsewhere desk={desk} onChoose={choose} />}
      <Test desk={desk} />
    </>
  );
}

/** How far the server on this computer has come. */
function Here({ desk }: { desk: Desk }) {
  const words = useWords().settings;
  const state = useStore(desk.server);
  const line = state.phase === "starting" ? state.line : state.phase === "failed" ? state.problem : "";
  return (
    <p
      className={state.phase === "failed" ? "row-note is-bad" : "row-note"}
      role="status"
      data-testid="server-state"
      data-phase={state.phase}
    >
      {state.phase === "failed" ? "" : words.phases[state.phase]} {line}
    </p>
  );
}

function Elsewhere({ desk, onChoose }: { desk: Desk; onChoose: (address: string) => void }) {
  const words = useWords().settings;
  const { server } = useStore(desk.session.settings);
  const hasKey = useStore(desk.hasKey);
  const keyProblem = useStore(desk.keyProblem);
  const [key, setKey] = useState("");
  return (
    <>
      <Row label={words.address} how={words.addressHow}>
        {(id) => (
          <input
            id={id}
            className="field is-long"
            type="url"
            spellCheck={false}
            data-testid="address"
            value={server}
            onChange={(event) => {
              onChoose(event.target.value.trim());
            }}
          />
        )}
      </Row>
      <Row label={words.key} how={hasKey ? words.keyKept : words.keyHow}>
        {(id) => (
          <form
            className="key-form"
            onSubmit={(event) => {
              event.preventDefault();
              if (key.trim() !== "") desk.keepKey(key.trim());
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
              onChange={(event) => {
                setKey(event.target.value);
              }}
            />
            <button type="submit" className="small" disabled={key.trim() === ""} data-testid="keep-key">
              {words.keepKey}
            </button>
            {hasKey && (
              <button
                type="button"
                className="quiet"
                data-testid="forget-key"
                onClick={() => {
                  desk.keepKey(null);
                }}
              >
                {words.forgetKey}
              </button>
            )}
          </form>
        )}
      </Row>
      {keyProblem !== "" && <p className="row-note is-bad">{keyProblem}</p>}
    </>
  );
}

function Test({ desk }: { desk: Desk }) {
  const words = useWords().settings;
  const locale = useLocale();
  const answer = useStore(desk.health);
  const [isAsked, setAsked] = useState(false);
  const why = answer !== null && "problem" in answer ? told(answer.problem, locale) : null;
  return (
    <div className="row">
      <p className={why === null ? "row-note" : "row-note is-bad"} role="status" data-testid="answer">
        {isAsked && answer === null && words.testing}
        {isAsked && answer !== null && "ms" in answer && words.works(answer.ms)}
        {isAsked && why !== null && (
          <>
            <strong>{why.message}</strong> {why.advice}
          </>
        )}
      </p>
      <button
        type="button"
        className="small"
        data-testid="test-server"
        onClick={() => {
          setAsked(true);
          desk.check();
        }}
      >
        {words.test}
      </button>
    </div>
  );
}
