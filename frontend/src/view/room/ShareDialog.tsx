import { useState } from "react";
import { encode } from "uqr";
import { describeProblem, useLocale, useTexts } from "../../i18n/texts";
import type { Shareable } from "../../page/page";
import { moderatorAddress, readerAddress, type Share } from "../../page/sharing/sharing";
import { SelectField } from "../settings/fields";
import { useStore } from "../useStore";
import { Dialog } from "../page/Dialog";

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

/** A link with which others read the captions of this page. */
export function ShareDialog({ page }: { page: Shareable }) {
  const texts = useTexts().room.share;
  const share = useStore(page.sharing.share);
  const { isElsewhere } = page;
  return (
    <Dialog page={page} name="share" title={texts.title}>
      <p>{isElsewhere ? texts.elsewhere : texts.about}</p>
      {!isElsewhere && (share === null ? <NewLink page={page} /> : <SharedLink page={page} share={share} />)}
    </Dialog>
  );
}

function NewLink({ page }: { page: Shareable }) {
  const texts = useTexts().room.share;
  const [seconds, setSeconds] = useState(String(DAY_S));
  return (
    <>
      <div className="settings-rows">
        <SelectField
          label={texts.expires}
          name="share-expires"
          value={seconds}
          of={[
            [String(HOUR_S), texts.hours(1)],
            [String(8 * HOUR_S), texts.hours(8)],
            [String(DAY_S), texts.days(1)],
            [String(7 * DAY_S), texts.days(7)],
          ]}
          onChange={setSeconds}
        />
      </div>
      <ShareProblem page={page} text={texts.failed} />
      <p>
        <button
          type="button"
          className="small"
          data-testid="share-start"
          disabled={useStore(page.sharing.isBusy)}
          onClick={() => page.sharing.start(Number(seconds))}
        >
          {texts.start}
        </button>
      </p>
    </>
  );
}

function SharedLink({ page, share }: { page: Shareable; share: Share }) {
  const texts = useTexts().room.share;
  const locale = useLocale();
  const address = readerAddress(share);
  const until = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  return (
    <>
      <QrCode text={address} label={texts.code} />
      <LinkRow address={address} name="share" title={texts.link} />
      <p className="dialog-note">
        {texts.until(until.format(share.expires * 1_000))} {page.isLive() ? "" : texts.atStart}
      </p>
      {["localhost", "127.0.0.1", "[::1]"].includes(new URL(address).hostname) && (
        <p className="dialog-note">{texts.onlyHere}</p>
      )}
      <ModeratorLink page={page} share={share} />
      <ShareProblem page={page} text={texts.notStopped} />
      <p>
        <button
          type="button"
          className="small"
          data-testid="share-stop"
          disabled={useStore(page.sharing.isBusy)}
          onClick={page.sharing.stop}
        >
          {texts.stop}
        </button>
      </p>
    </>
  );
}

function ModeratorLink({ page, share }: { page: Shareable; share: Share }) {
  const texts = useTexts().room.share;
  const isBusy = useStore(page.sharing.isBusy);
  const address = moderatorAddress(share);
  return (
    <>
      {address === "" ? (
        <p>
          <button
            type="button"
            className="small"
            data-testid="share-moderate"
            disabled={isBusy}
            onClick={page.sharing.addModerator}
          >
            {texts.moderate}
          </button>
        </p>
      ) : (
        <LinkRow address={address} name="moderator" title={texts.moderatorLink} />
      )}
      <p className="dialog-note">{texts.moderators}</p>
    </>
  );
}

function LinkRow({ address, name, title }: { address: string; name: string; title: string }) {
  return (
    <p className="command">
      <a
        className="share-link"
        href={address}
        target="_blank"
        rel="noreferrer"
        dir="ltr"
        title={title}
        data-testid={`${name}-link`}
      >
        {address}
      </a>
      <CopyLink address={address} />
    </p>
  );
}

function ShareProblem({ page, text }: { page: Shareable; text: string }) {
  const locale = useLocale();
  const problem = useStore(page.sharing.problem);
  if (problem === null) return null;
  const { message, advice } = describeProblem(problem, locale);
  return (
    <p className="row-note is-bad" role="alert" data-testid="share-problem">
      {text} {message} {advice}
    </p>
  );
}

/** Black on white also in the dark: cameras expect it, with a quiet zone of four modules (ISO/IEC 18004). */
function QrCode({ text, label }: { text: string; label: string }) {
  const { size, data } = encode(text, { ecc: "M", border: 4 });
  const modules = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")));
  return (
    <svg className="qr-code" role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} shapeRendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={modules.join("")} fill="#000" />
    </svg>
  );
}

function CopyLink({ address }: { address: string }) {
  const texts = useTexts();
  const [isCopied, setCopied] = useState(false);
  const copy = () =>
    void navigator.clipboard.writeText(address).then(
      () => setCopied(true),
      () => undefined,
    );
  return (
    <button type="button" className="small" data-testid="share-copy" onClick={copy}>
      {isCopied ? texts.page.languages.copied : texts.room.share.copy}
    </button>
  );
}
