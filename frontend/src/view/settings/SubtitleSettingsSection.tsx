import { useEffect, useState } from "react";
import { SUBTITLE_POSITIONS, SUBTITLE_TEXTS, type SubtitleSettings } from "../../settings/settings";
import type { Desktop } from "../../desktop/desktop";
import { useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";
import { ColorField, SelectField, Section, SliderField, SwitchField } from "./fields";

export function SubtitleSettingsSection({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().settings;
  const { subtitles } = useStore(desktop.session.settings);
  const updateSettings = (changes: Partial<SubtitleSettings>) =>
    desktop.session.updateSettings({ subtitles: { ...subtitles, ...changes } });
  return (
    <Section title={texts.subtitles}>
      <Preview look={subtitles} />
      <SwitchField
        label={texts.onScreen}
        name="on-screen"
        value={subtitles.isOnScreen}
        onChange={(isOnScreen) => updateSettings({ isOnScreen })}
      />
      <SelectField
        label={texts.show}
        name="show"
        value={subtitles.show}
        of={SUBTITLE_TEXTS.map((name) => [name, texts.shows[name]])}
        onChange={(show) => updateSettings({ show })}
      />
      <SliderField
        label={texts.lines}
        name="lines"
        min={1}
        max={4}
        value={subtitles.lines}
        onChange={(lines) => updateSettings({ lines })}
      />
      <SliderField
        label={texts.size}
        name="size"
        min={14}
        max={96}
        value={subtitles.size}
        onChange={(size) => updateSettings({ size })}
      />
      <ColorField
        label={texts.color}
        name="color"
        value={subtitles.color}
        onChange={(color) => updateSettings({ color })}
      />
      <ColorField
        label={texts.background}
        name="background"
        value={subtitles.background}
        onChange={(background) => updateSettings({ background })}
      />
      <SliderField
        label={texts.opacity}
        name="opacity"
        min={0}
        max={100}
        unit={(value) => `${value} %`}
        value={subtitles.opacity}
        onChange={(opacity) => updateSettings({ opacity })}
      />
      <SelectField
        label={texts.position}
        name="position"
        value={subtitles.position}
        of={SUBTITLE_POSITIONS.map((name) => [name, texts.positions[name]])}
        onChange={(position) => updateSettings({ position })}
      />
      <SwitchField
        label={texts.locked}
        name="locked"
        value={subtitles.isLocked}
        onChange={(isLocked) => updateSettings({ isLocked })}
      />
      <SwitchField
        label={texts.steady}
        name="steady"
        value={subtitles.isSteady}
        onChange={(isSteady) => updateSettings({ isSteady })}
      />
      <SliderField
        label={texts.pace}
        name="pace"
        min={8}
        max={40}
        unit={texts.paceUnit}
        value={subtitles.pace}
        onChange={(pace) => updateSettings({ pace })}
      />
      <SwitchField
        label={texts.served}
        name="served"
        value={subtitles.isServed}
        onChange={(isServed) => updateSettings({ isServed })}
      />
      {subtitles.isServed && <CaptionsAddress desktop={desktop} />}
    </Section>
  );
}

function Preview({ look }: { look: SubtitleSettings }) {
  const texts = useTexts();
  const background = `color-mix(in srgb, ${look.background} ${look.opacity}%, transparent)`;
  return (
    <div className="sample" aria-hidden="true">
      <p style={{ color: look.color, background, fontSize: `${look.size}px` }}>{texts.transcript.goAhead}</p>
    </div>
  );
}

/** Polls the address, because the shell needs a moment to start the captions server. */
function CaptionsAddress({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().settings;
  const [address, setAddress] = useState("");
  useEffect(() => {
    let isUnmounted = false;
    const load = () => {
      void desktop.shell.captionsAddress().then((current) => {
        if (!isUnmounted) setAddress(current);
      });
    };
    load();
    const timer = setInterval(load, 1_000);
    return () => {
      isUnmounted = true;
      clearInterval(timer);
    };
  }, [desktop]);
  return (
    <div className="row is-wide">
      <p>{texts.servedHint}</p>
      <input
        className="field is-long"
        readOnly
        aria-label={texts.servedHint}
        data-testid="captions-address"
        value={address}
        onFocus={(event) => event.target.select()}
      />
    </div>
  );
}
