import type { SpeakerTexts } from "../texts";

export const zh: SpeakerTexts = {
  title: "说话人",
  hint: "根据声音显示是谁在说话。已登记的声音从下次开始时起显示姓名。",
  show: "显示说话人",
  shellHint: "根据声音在转写文本和字幕中显示是谁在说话。",
  unavailable: "此服务器无法区分声音。命令“nova models pull campplus”可安装所需模型。",
  only: "仅限一位说话人",
  onlyHint: "从下次开始时起，其他人的声音不会转成文字。",
  everyone: "所有人",
  numbered: (number: string) => `说话人 ${number}`,
  unknown: "未知说话人",
  rename: (name: string) => `重命名${name}`,
  name: "说话人姓名",
  ignored: {
    other_voice: "已忽略其他声音",
    too_short: "已忽略短促的声音",
    not_checked: "已忽略未能比对声音的语音",
  },
  notices: { speakers_not_labelled: "此服务器无法区分声音，因此不显示说话人。该选项已关闭。" },
  problems: {
    speakers_unavailable: ["此服务器无法比对声音。", "“仅限一位说话人”已关闭。按“开始”转写所有人的语音。"],
    unknown_speaker: ["所选的声音已不再登记。", "请在选项中检查说话人，然后按“开始”。"],
  },
};
