"""Guards against hallucinated text: when to decode again, and when to show nothing.

Whisper was trained on subtitles. On noise it produces typical last lines of subtitles, and in short windows it repeats
itself. No single signal separates hallucination from speech (Barański et al. 2025, arXiv 2501.11378), so several are
combined. Text, word counts and log probabilities come from the decoder; see `Hypothesis`.
"""

from backend.text.normalize import letters
from stt_worker.guards.repetitions import MAX_COMPRESSION, Repetition, compression, display_width
from stt_worker.recognizers.recognizer import Hypothesis

# Mean log probability per token. Below this the text is unreliable (the limit of Whisper's own transcriber).
MIN_LOGPROB = -1.0
# Mean log probabilities per token with and without the prompt, added, of text that consists of the prompt. With Whisper
# base: -3.7 and more for spoken hotwords and prompts, -5.1 and less for hums, noise and silence.
MIN_LOGPROB_OF_PROMPT = -4.4
# Minimum rate of speech in letters per second; normal speech is four times as fast. For long noise, Whisper writes one
# short sentence.
MIN_LETTERS_PER_S = 3
# Letters that fit into `seconds` of speech: a constant for short audio and a rate that the fastest speakers stay below.
MAX_LETTERS, MAX_LETTERS_PER_S = 50, 28
# First words of subtitles that credit their makers or thank their viewers (openai/whisper discussions 679 and 928).
CREDITS = """
    thanks for watching | thank you for watching | please subscribe | please like and subscribe
    dont forget to like and subscribe | like and subscribe | subtitles by the | subtitles by amara | subtitled by
    captions by | captioning by | transcribed by | transcription by | translated by | subs by | copyright wdr
    wwwmooji | httpwww | untertitel der amara | untertitel im auftrag | untertitel von | untertitelung | soustitrage
    soustitres réalisés | soustitres par | soustitres fait | merci davoir regardé | abonnezvous
    noubliez pas de vous abonner | subtítulos por | subtítulos realizados | subtítulos creados | subtitulado por
    gracias por ver | muchas gracias por ver | suscríbete | no olvides suscribirte | más información www
    legendas pela | legendas por | obrigado por assistir | obrigada por assistir | inscrevase no canal
    não se esqueça de se inscrever | sottotitoli creati | sottotitoli e revisione | sottotitoli a cura
    grazie per aver guardato | iscrivetevi al canale | ondertiteling door | ondertiteld door | ondertitels ingediend
    bedankt voor het kijken | napisy stworzone | napisy wykonane | zdjęcia i napisy | tłumaczenie i napisy
    dzięki za oglądanie | titulky vytvořil | undertexter från | undertextning | undertekster av | danske tekster
    tekstet av | tack för att du tittade | tack för att ni tittade | tak fordi du så med | tekstitys
    kiitos kun katsoitte | subtitrare | vă mulțumim pentru vizionare | feliratok | köszönöm hogy megnézted
    υπότιτλοι | ευχαριστώ που παρακολουθήσατε | продолжение следует | спасибо за просмотр | субтитры сделал
    субтитры создавал | субтитры подогнал | редактор субтитров | подписывайтесь | дякую за перегляд
    субтитрувальниця | altyazı mk | izlediğiniz için teşekkür | abone olmayı | 字幕由 | 字幕by | 字幕志愿者
    見てくれてありがとう | チャンネル登録 | 最後までご視聴 | 谢谢观看 | 謝謝觀看 | 谢谢大家 | 謝謝大家 | 感谢观看
    感謝觀看 | 感谢您的观看 | 感謝您的觀看 | 请不吝点赞 | 請不吝點贊 | 明镜与点点 | 中文字幕由 | 小編字幕由
    未经作者授权 | 优优独播剧场 | 優優獨播劇場 | 多谢您收睇 | 多謝您收睇 | 作词 李宗盛 | 詞曲 李宗盛
    시청해 주셔서 감사합니다 | 구독과 좋아요 | mbc 뉴스 | 다음 영상에서 만나요 | 한글자막 by | ترجمة نانسي
    اشتركوا في القناة | شكرا على المشاهدة | شكرا للمشاهدة | ترجمة وتدقيق | زیرنویس | ممنون که تماشا کردید
    ترجمه و زیرنویس توسط | תודה שצפיתם | תורגם על ידי | देखने के लिए धन्यवाद | चैनल को सब्सक्राइब | সাবস্ক্রাইব
    ขอบคุณที่รับชม | โปรดติดตามตอนต่อไป | cảm ơn các bạn đã theo dõi | hãy subscribe | hẹn gặp lại các bạn
    ghiền mì gõ | phụ đề được thực hiện | terima kasih telah menonton | terima kasih kerana menonton
    salamat sa panonood | asante kwa kutazama | see you next time | thank you for your watching
    subscribe to my channel | ill see you in the next video | see you in the next video | vielen dank fürs zuschauen
    danke fürs zuschauen | abonniert den kanal | grazie per la visione | dziękuję za oglądanie | děkuji za pozornost
    takk for at du så på | bir sonraki videoda görüşmek üzere | ご視聴ありがとうございました
    ご視聴ありがとうございます | ご清聴ありがとうございました | 次回もお楽しみに
    本日はご覧いただきありがとうございます
"""
# Whole texts that Whisper produces on silence and on hums, and that people also say (same source).
FILLERS = """
    er | err | uh | um | hm | hmm | mm | mmm | ah | oh | you | so | bye
    | thank you | thank you very much | thank you so much | well be right back | to be continued
    music | applause | silence | beep | foreign | vielen dank | vielen dank für die aufmerksamkeit
    bis zum nächsten mal | tschüss | merci | merci à tous | à la prochaine | gracias | hasta la próxima | obrigado
    obrigada | até a próxima | tchau tchau | grazie | grazie a tutti | alla prossima | tot de volgende keer
    dziękuję | dziękuję za uwagę | спасибо за внимание | до новых встреч | до свидания | спасибо | дякую
    дякуємо за увагу | далі буде | teşekkürler | ありがとうございました | おやすみなさい | 감사합니다 | موسيقى
    תודה רבה | धन्यवाद | ধন্যবাদ | terima kasih
"""


def retry_reason(text: str, seconds: float, avg_logprob: float, repetition: Repetition | None = None) -> str:
    """Return why this text should be decoded again, or "" if no guard objects.

    All arguments describe the text as it was decoded. `repetition`: what the audio says about repetitive text.
    """
    if repetition and not repetition.is_certain:
        return "loop" if repetition.is_spoken or repetition.keep < repetition.words else "repetitive"
    if display_width(text) > MAX_LETTERS + MAX_LETTERS_PER_S * seconds:
        return "too_fast"
    if avg_logprob < MIN_LOGPROB:
        return "improbable"
    return ""


def withhold_reason(hypothesis: Hypothesis, seconds: float) -> str:
    """Return why this text must not be shown, or "" if it may be.

    Rules about the wording also require doubt of the model: a low log probability or a high no-speech probability.
    Whisper's own transcriber discards text from a no-speech probability of 0.6 on. Here lower values count, because a
    second signal is always required.
    """
    text, logprob, no_speech = hypothesis.text, hypothesis.avg_logprob, hypothesis.no_speech_probability
    if not text:
        return ""
    if not letters(text):
        return "no_letters"
    if compression(text) > MAX_COMPRESSION and not hypothesis.repetition_spoken:
        return "repetitive"
    unprompted = hypothesis.logprob_without_prompt
    if unprompted is not None and unprompted + logprob < MIN_LOGPROB_OF_PROMPT:
        return "prompted"
    if logprob < 2 * MIN_LOGPROB:
        return "improbable"
    # Stricter after a second decode: a retry that finds probable text does not prove speech.
    if no_speech > 0.3 and logprob < (-0.6 if hypothesis.retried else MIN_LOGPROB):
        return "no_speech"
    # Babble that detection amplifies: quiet voices far away are speech, but none that can be understood.
    if no_speech > 0.6 and logprob < -0.8:
        return "no_speech"
    decoded = hypothesis.decoded or text
    if seconds >= 6.0 and display_width(decoded) < MIN_LETTERS_PER_S * seconds and logprob < -0.7:
        return "sparse"
    # Short audio gives the decoder less context, so a credit must be more probable to be believed.
    believable = -0.25 if seconds < 2.0 else -0.5
    if is_credit(text) and (no_speech > 0.3 or logprob < believable):
        return "credit"
    if is_filler(text) and (no_speech > 0.5 or logprob < -0.7):
        return "filler"
    return ""


def is_credit(text: str) -> bool:
    """Whether the text begins like subtitles that credit their makers or thank their viewers."""
    return letters(text).startswith(_CREDITS)


def is_filler(text: str) -> bool:
    """Whether the whole text is one that Whisper produces on silence."""
    return letters(text) in _FILLERS


def _phrases(table: str) -> list[str]:
    return [letters(phrase) for phrase in table.replace("\n", "|").split("|") if letters(phrase)]


_CREDITS = tuple(_phrases(CREDITS))
_FILLERS = frozenset(_phrases(FILLERS))
