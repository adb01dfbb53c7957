/** A problem: what happened, and what to do. */
const problem = (message: string, advice: string): readonly [message: string, advice: string] => [message, advice];

/** Texts about speakers and their voices, which the page and the desktop client share. */
export const en = {
  title: "Speakers",
  hint: "Shows who says what, by the voice. Enrolled voices have their names from the next Start on.",
  show: "Show speakers",
  shellHint: "Shows in the transcript and in the subtitles who says what, by the voice.",
  unavailable: "This server cannot distinguish voices. The command “nova models pull campplus” installs the model.",
  only: "Only one speaker",
  onlyHint: "Other voices give no text, from the next Start on.",
  everyone: "Everyone",
  numbered: (number: string) => `Speaker ${number}`,
  unknown: "Unknown speaker",
  rename: (name: string) => `Rename ${name}`,
  name: "Name of the speaker",
  ignored: {
    other_voice: "other voices ignored",
    too_short: "short sounds ignored",
    not_checked: "speech ignored, because its voice was not compared",
  },
  notices: { speakers_not_labelled: "This server cannot distinguish voices, so speakers are not shown. The option was turned off." },
  problems: {
    speakers_unavailable: problem("This server cannot compare voices.", "The choice of one speaker was turned off. Press Start to transcribe everyone."),
    unknown_speaker: problem("A chosen voice is not enrolled any more.", "Check the speakers in the options, then press Start."),
  },
};
