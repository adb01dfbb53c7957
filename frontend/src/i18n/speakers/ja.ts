import type { SpeakerTexts } from "../texts";

export const ja: SpeakerTexts = {
  title: "話者",
  hint: "声をもとに、誰が話したかを表示します。登録済みの声の名前は、次に開始したときから表示されます。",
  show: "話者を表示",
  shellHint: "声をもとに、誰が話したかを文字起こしと字幕に表示します。",
  unavailable: "このサーバーは声を区別できません。コマンド「nova models pull campplus」でモデルをインストールできます。",
  only: "1人の話者のみ",
  onlyHint: "次に開始したときから、ほかの声は文字になりません。",
  everyone: "全員",
  numbered: (number: string) => `話者${number}`,
  unknown: "不明な話者",
  rename: (name: string) => `${name}の名前を変更`,
  name: "話者の名前",
  ignored: {
    other_voice: "ほかの声を無視しています",
    too_short: "短い音を無視しています",
    not_checked: "声を比較できなかった発話を無視しました",
  },
  notices: { speakers_not_labelled: "このサーバーは声を区別できないため、話者は表示されません。オプションをオフにしました。" },
  problems: {
    speakers_unavailable: ["このサーバーは声を比較できません。", "話者の選択をオフにしました。全員の発話を文字にするには「開始」を押してください。"],
    unknown_speaker: ["選択した声は登録されていません。", "オプションで話者を確認し、「開始」を押してください。"],
  },
};
