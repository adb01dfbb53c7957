import type { SpeakerTexts } from "../texts";

export const fr: SpeakerTexts = {
  title: "Locuteurs",
  hint: "Montre qui dit quoi, d’après la voix. Les voix enregistrées portent leur nom à partir du prochain démarrage.",
  show: "Afficher les locuteurs",
  shellHint: "Montre dans la transcription et dans les sous-titres qui dit quoi, d’après la voix.",
  unavailable: "Ce serveur ne peut pas distinguer les voix. La commande « nova models pull campplus » installe le modèle.",
  only: "Un seul locuteur",
  onlyHint: "Les autres voix ne donnent pas de texte, à partir du prochain démarrage.",
  everyone: "Tout le monde",
  numbered: (number: string) => `Locuteur ${number}`,
  unknown: "Locuteur inconnu",
  rename: (name: string) => `Renommer ${name}`,
  name: "Nom du locuteur",
  ignored: {
    other_voice: "autres voix ignorées",
    too_short: "sons brefs ignorés",
    not_checked: "parole ignorée, car sa voix n’a pas été comparée",
  },
  notices: { speakers_not_labelled: "Ce serveur ne peut pas distinguer les voix, donc les locuteurs ne sont pas affichés. L’option a été désactivée." },
  problems: {
    speakers_unavailable: ["Ce serveur ne peut pas comparer les voix.", "Le choix d’un locuteur a été désactivé. Appuyez sur Démarrer pour transcrire tout le monde."],
    unknown_speaker: ["Une voix choisie n’est plus enregistrée.", "Vérifiez les locuteurs dans les options, puis appuyez sur Démarrer."],
  },
};
