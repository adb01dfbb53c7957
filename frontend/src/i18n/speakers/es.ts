import type { SpeakerTexts } from "../texts";

export const es: SpeakerTexts = {
  title: "Hablantes",
  hint: "Muestra quién dice qué, según la voz. Las voces registradas llevan su nombre a partir del próximo inicio.",
  show: "Mostrar hablantes",
  shellHint: "Muestra en la transcripción y en los subtítulos quién dice qué, según la voz.",
  unavailable: "Este servidor no puede distinguir voces. La orden «nova models pull campplus» instala el modelo.",
  only: "Solo un hablante",
  onlyHint: "Las demás voces no dan texto a partir del próximo inicio.",
  everyone: "Todos",
  numbered: (number: string) => `Hablante ${number}`,
  unknown: "Hablante desconocido",
  rename: (name: string) => `Cambiar el nombre de ${name}`,
  name: "Nombre del hablante",
  ignored: {
    other_voice: "se ignoran otras voces",
    too_short: "se ignoran sonidos breves",
    not_checked: "se ignoró habla cuya voz no se comparó",
  },
  notices: { speakers_not_labelled: "Este servidor no puede distinguir voces, así que no se muestran los hablantes. La opción se ha desactivado." },
  problems: {
    speakers_unavailable: ["Este servidor no puede comparar voces.", "La elección de un hablante se ha desactivado. Pulsa Iniciar para transcribir a todos."],
    unknown_speaker: ["Una voz elegida ya no está registrada.", "Revisa los hablantes en las opciones y pulsa Iniciar."],
  },
};
