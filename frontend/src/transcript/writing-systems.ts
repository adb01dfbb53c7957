/** Scripts that are written without spaces between words, as in backend/text/writing_systems.py. */

/** Chinese and Japanese: a line may end after any character. For use in a character class, like the others. */
export const IDEOGRAPHIC_SCRIPTS = "\\p{sc=Han}\\p{sc=Hira}\\p{sc=Kana}\\p{sc=Bopo}\\u3006\\u30fc\\uff70\\uff9e\\uff9f";

/** A line may end after a word only, which a dictionary knows, or at least after a syllable. */
export const COMPLEX_SCRIPTS =
  "\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmr}\\p{sc=Mymr}\\p{sc=Tibt}\\p{sc=Java}\\ua9cf\\p{sc=Bali}" +
  "\\p{sc=Tale}\\p{sc=Talu}\\p{sc=Lana}\\p{sc=Tavt}";

export const UNSPACED_SCRIPTS = IDEOGRAPHIC_SCRIPTS + COMPLEX_SCRIPTS;
