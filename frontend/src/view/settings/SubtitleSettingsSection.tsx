import { useEffect, useState } from "react";
import { POSITIONS, SHOWS, type SubtitleSettings } from "../../settings/settings";
import type { Desk } from "../../desktop/desktop";
import { useWords } from "../../i18n/texts";
import { useStore } from "../useStore";
import { Colour, Pick, Section, Slide, Switch } from "./fields";

/** How subtitles look, and where they stand. */
export function Subtitles({ desk }: { desk: Desk }) {
  const words = useWords().settings;
  const { subtitles } = useStore(desk.session.settings);
  const choose = (choice: Partial<SubtitleSettings>) => {
    desk.session.choose({ subtitles: { ...subtitles, ...choice } });
  };
  return (
    <Section title={words.subtitles}>
      <Sample look={subtitles} />
      <Switch
        label={words.onScreen}
        name="on-screen"
        value={subtitles.isOnScreen}
        onChange={(isOnScreen) => {
          choose({ isOnScreen });
        }}
      />
      <Pick
        label={words.show}
        name="show"
        value={subtitles.show}
        of={SHOWS.map((name) => [name, words.shows[name]])}
        onChange={(show) => {
          choose({ show });
        }}
      />
      <Slide
        label={words.lines}
        name="lines"
        least={1}
        most={4}
        value={subtitles.lines}
        onChange={(lines) => {
          choose({ lines });
        }}
      />
      <Slide
        label={words.size}
        name="size"
        least={14}
        most={96}
        value={subtitles.size}
        onChange={(size) => {
          choose({ size });
        }}
      />
      <Colour
        label={words.color}
        name="color"
        value={subtitles.color}
        onChange={(color) => {
          choose({ color });
        }}
      />
      <Colour
        label={words.background}
        name="background"
        value={subtitles.background}
        onChange={(background) => {
          choose({ background });
        }}
      />
      <Slide
        label={words.opacity}
        name="opacity"
        least={0}
        most={100}
        unit={(value) => `${value} %`}
        value={subtitles.opacity}
        onChange={(opacity) => {
          choose({ opacity });
        }}
      />
      <Pick
        label={words.position}
        name="position"
        value={subtitles.position}
        of={POSITIONS.map((name) => [name, words.positions[name]])}
        onChange={(position) => {
          choose({ position });
        }}
      />
      <Switch
        label={words.locked}
        name="locked"
        value={subtitles.isLocked}
        onChange={(isLocked) => {
          choose({ isLocked });
        }}
      />
      <Switch
        label={words.steady}
        name="steady"
        value={subtitles.isSteady}
        onChange={(isSteady) => {
          choose({ isSteady });
        }}
      />
      <Slide
        label={words.pace}
        name="pace"
        least={8}
        most={40}
        unit={words.paceUnit}
        value={subtitles.pace}
        onChange={(pace) => {
          choose({ pace });
        }}
      />
      <Switch
        label={words.served}
        name="served"
        value={subtitles.isServed}
        onChange={(isServed) => {
          choose({ isServed });
        }}
      />
      {subtitles.isServed && <Address desk={desk} />}
    </Section>
  );
}

function Sample({ look }: { look: SubtitleSettings }) {
  const words = useWords();
  const background = `color-mix(in srgb, ${look.background} ${look.opacity}%, transparent)`;
  return (
    <div className="sample" aria-hidden="true">
      <p style={{ color: look.color, background, fontSize: `${look.size}px` }}>{words.transcript.goAhead}</p>
    </div>
  );
}

/** What to give to OBS; the shell takes a moment to open it. */
function Address({ desk }: { desk: Desk }) {
  const words = useWords().settings;
  const [address, setAddress] = useState("");
  useEffect(() => {
    let isGone = false;
    const ask = () => {
      void desk.nova.captionsAddress().then((where) => {
        if (!isGone) setAddress(where);
      });
    };
    ask();
    const again = setInterval(ask, 1_000);
    return () => {
      isGone = true;
      clearInterval(again);
    };
  }, [desk]);
  return (
    <div className="row is-wide">
      <p>{words.servedHow}</p>
      <input
        className="field is-long"
        readOnly
        aria-label={words.servedHow}
        data-testid="captions-address"
        value={address}
        onFocus={(event) => {
          event.target.select();
        }}
      />
    </div>
  );
}
