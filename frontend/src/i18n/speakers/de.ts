import type { SpeakerTexts } from "../texts";

export const de: SpeakerTexts = {
  title: "Sprecher",
  hint: "Zeigt anhand der Stimme, wer was sagt. Gespeicherte Stimmen haben ab dem nächsten Start ihren Namen.",
  show: "Sprecher anzeigen",
  shellHint: "Zeigt im Transkript und in den Untertiteln anhand der Stimme, wer was sagt.",
  unavailable: "Dieser Server kann Stimmen nicht unterscheiden. Der Befehl „nova models pull campplus“ installiert das Modell.",
  only: "Nur ein Sprecher",
  onlyHint: "Andere Stimmen ergeben ab dem nächsten Start keinen Text.",
  everyone: "Alle",
  numbered: (number: string) => `Sprecher ${number}`,
  unknown: "Unbekannter Sprecher",
  rename: (name: string) => `${name} umbenennen`,
  name: "Name des Sprechers",
  ignored: {
    other_voice: "andere Stimmen ignoriert",
    too_short: "kurze Laute ignoriert",
    not_checked: "Sprache ignoriert, weil ihre Stimme nicht verglichen wurde",
  },
  notices: { speakers_not_labelled: "Dieser Server kann Stimmen nicht unterscheiden, deshalb werden keine Sprecher angezeigt. Die Option wurde ausgeschaltet." },
  problems: {
    speakers_unavailable: ["Dieser Server kann Stimmen nicht vergleichen.", "Die Auswahl eines Sprechers wurde ausgeschaltet. Starten Sie, um alle zu transkribieren."],
    unknown_speaker: ["Eine gewählte Stimme ist nicht mehr gespeichert.", "Prüfen Sie die Sprecher in den Optionen, und starten Sie dann."],
  },
};
