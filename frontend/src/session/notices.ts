/** What the server reports without ending the session: the notices that the user sees. */
import type { ServerMessage } from "../../client/src/protocol/messages";

export interface StatusNotice {
  readonly code: string;
  /** The server's text; the user interface prefers its own. "" for none. */
  readonly message: string;
  readonly isError: boolean;
}

export type StatusNotices = readonly StatusNotice[];

/** Of notices about the same topic, only the latest is shown. */
const TOPICS: Readonly<Record<string, string>> = {
  previews_slowed: "previews",
  previews_stopped: "previews",
  previews_normal: "previews",
  delayed: "delay",
  redis_unavailable: "delay",
  delay_over: "delay",
  low_level: "level",
  clipped: "level",
  no_sound: "level",
  level_normal: "level",
};

/** These end their topic, so nothing is shown. */
const ALL_CLEAR: ReadonlySet<string> = new Set(["previews_normal", "delay_over", "level_normal"]);

/** Notices that come and go with the load of the server. */
export const isAboutLoad = ({ code }: StatusNotice): boolean => ["previews", "delay"].includes(TOPICS[code] ?? "");

export function updateNotices(notices: StatusNotices, event: ServerMessage): StatusNotices {
  switch (event.type) {
    case "ready":
      // Each connection reports again what is wrong.
      return notices.filter(({ code }) => TOPICS[code] === undefined);
    case "notice":
      return addNotice(notices, { code: event.code, message: event.message, isError: false });
    case "error":
      return event.fatal ? notices : addNotice(notices, { code: event.code, message: event.message, isError: true });
    default:
      return notices;
  }
}

/** Replaces the notices about the same topic. */
export function addNotice(notices: StatusNotices, notice: StatusNotice): StatusNotices {
  const topicOf = (code: string) => TOPICS[code] ?? code;
  const others = notices.filter(({ code }) => topicOf(code) !== topicOf(notice.code));
  return ALL_CLEAR.has(notice.code) ? others : [...others, notice];
}

/** Whether the server says that it cannot distinguish speakers. */
export const lacksVoiceModel = (event: ServerMessage): boolean =>
  event.type === "notice" && event.code === "speakers_not_labelled";
