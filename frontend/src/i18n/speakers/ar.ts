import type { SpeakerTexts } from "../texts";

export const ar: SpeakerTexts = {
  title: "المتحدثون",
  hint: "يعرض من يقول ماذا، حسب الصوت. تظهر أسماء الأصوات المسجلة ابتداءً من البدء التالي.",
  transcriptHint: "يعرض في النص من يقول ماذا، حسب الصوت.",
  unavailable: "لا يستطيع هذا الخادم التمييز بين الأصوات. يثبّت الأمر «nova models pull campplus» النموذج.",
  only: "متحدث واحد فقط",
  onlyHint: "لا تعطي الأصوات الأخرى نصًا ابتداءً من البدء التالي.",
  everyone: "الجميع",
  numbered: (number: string) => `المتحدث ${number}`,
  unknown: "متحدث غير معروف",
  rename: (name: string) => `إعادة تسمية ${name}`,
  name: "اسم المتحدث",
  ignored: {
    other_voice: "يتم تجاهل الأصوات الأخرى",
    too_short: "يتم تجاهل الأصوات القصيرة",
    not_checked: "تم تجاهل كلام لم يُقارَن صوته",
  },
  notices: { speakers_not_labelled: "لا يستطيع هذا الخادم التمييز بين الأصوات، لذلك لا يظهر المتحدثون. تم إيقاف الخيار." },
  problems: {
    speakers_unavailable: ["لا يستطيع هذا الخادم مقارنة الأصوات.", "تم إيقاف اختيار متحدث واحد. اضغط «ابدأ» لتفريغ كلام الجميع."],
    unknown_speaker: ["لم يعد أحد الأصوات المختارة مسجلًا.", "تحقق من المتحدثين في الخيارات، ثم اضغط «ابدأ»."],
  },
};
