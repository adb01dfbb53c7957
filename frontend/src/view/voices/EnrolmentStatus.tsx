import type { Problem } from "../../../client/src/protocol/problems";
import type { EnrolmentOutcome, VoiceEnrolment } from "../../page/voices/enrolment";
import { describeProblem, textsFor, useLocale, type Locale } from "../../i18n/texts";
import { useStore } from "../useStore";

/** The result of the enrolment, or the problem that prevented it. */
export function EnrolmentStatus({ enrolment }: { enrolment: VoiceEnrolment }) {
  const locale = useLocale();
  const outcome = useStore(enrolment.outcome);
  const isGood = ["none", "sending", "enrolled"].includes(outcome.kind);
  return (
    <p
      className={isGood ? "row-note voice-status" : "row-note voice-status is-bad"}
      role="status"
      data-testid="voice-status"
      data-kind={outcome.kind}
    >
      {describeOutcome(outcome, locale)}
    </p>
  );
}

function describeOutcome(outcome: EnrolmentOutcome, locale: Locale): string {
  const texts = textsFor(locale).voices;
  switch (outcome.kind) {
    case "none":
      return "";
    case "sending":
      return texts.sending;
    case "enrolled":
      return texts.enrolled(outcome.name);
    case "unreadable":
      return texts.unreadable(outcome.name);
    case "too_few":
      return texts.tooFew(outcome.good);
    case "several_voices":
      return texts.severalVoices;
    case "failed":
      return describeFailure(outcome.problem, locale);
  }
}

/** The general advice about a problem is to press Start, which does not help here. */
function describeFailure(problem: Problem, locale: Locale): string {
  const { problems } = textsFor(locale).voices;
  const { code } = problem;
  if (Object.hasOwn(problems, code)) return problems[code as keyof typeof problems];
  return code.startsWith("microphone") ? Object.values(describeProblem(problem, locale)).join(" ") : describeProblem(problem, locale).message;
}
