/** Requests to the server about enrolled voices (docs/howto/enrol-speakers.md). All reject with a RequestError. */
import type { EnrolmentSample } from "../../../client/src/protocol/messages";
import { request, type ServerAddress } from "../../server/requests";

export interface EnrolledVoice {
  readonly name: string;
  /** Of speech. */
  readonly seconds: number;
  /** Unix time in seconds. */
  readonly expires: number;
}

export async function listVoices(server: ServerAddress): Promise<readonly EnrolledVoice[]> {
  const response = await request(server, "GET", "speakers");
  return (await response.json()) as EnrolledVoice[];
}

export async function removeVoice(server: ServerAddress, name: string): Promise<void> {
  await request(server, "DELETE", `speakers/${encodeURIComponent(name)}`);
}

/**
 * Enrols a voice, with the consent of its speaker. Resolves to the utterances of the recording.
 *
 * @param language Of the speech, or "auto".
 */
export async function enrolVoice(
  server: ServerAddress,
  name: string,
  language: string,
  wav: Blob,
): Promise<readonly EnrolmentSample[]> {
  const query = new URLSearchParams({ name, consent: "true", language });
  const response = await request(server, "POST", `speakers?${query.toString()}`, wav);
  return judgedUtterances((await response.json()) as Record<string, unknown>);
}

/** How the server has judged each utterance. A server of an earlier release does not say it about a refused voice. */
export function judgedUtterances(body: Readonly<Record<string, unknown>>): readonly EnrolmentSample[] {
  return Array.isArray(body.judged) ? (body.judged as EnrolmentSample[]) : [];
}
