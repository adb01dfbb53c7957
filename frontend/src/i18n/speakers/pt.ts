import type { SpeakerTexts } from "../texts";

export const pt: SpeakerTexts = {
  title: "Falantes",
  hint: "Mostra quem diz o quê, pela voz. As vozes cadastradas têm seu nome a partir do próximo início.",
  show: "Mostrar falantes",
  shellHint: "Mostra na transcrição e nas legendas quem diz o quê, pela voz.",
  unavailable: "Este servidor não consegue distinguir vozes. O comando “nova models pull campplus” instala o modelo.",
  only: "Apenas um falante",
  onlyHint: "As outras vozes não dão texto a partir do próximo início.",
  everyone: "Todos",
  numbered: (number: string) => `Falante ${number}`,
  unknown: "Falante desconhecido",
  rename: (name: string) => `Mudar o nome de ${name}`,
  name: "Nome do falante",
  ignored: {
    other_voice: "outras vozes ignoradas",
    too_short: "sons curtos ignorados",
    not_checked: "fala ignorada, porque a voz não foi comparada",
  },
  notices: { speakers_not_labelled: "Este servidor não consegue distinguir vozes, então os falantes não são mostrados. A opção foi desativada." },
  problems: {
    speakers_unavailable: ["Este servidor não consegue comparar vozes.", "A escolha de um falante foi desativada. Pressione Iniciar para transcrever todos."],
    unknown_speaker: ["Uma voz escolhida não está mais cadastrada.", "Verifique os falantes nas opções e pressione Iniciar."],
  },
};
