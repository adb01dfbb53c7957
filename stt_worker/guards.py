"""Guards against invented words: what speaks for decoding once more, and what for showing nothing.

Whisper was trained on subtitles. Given noise it writes what subtitles end with, given too short a window it repeats
itself. No single sign tells invention from speech (Barański et al. 2025, arXiv 2501.11378), so several are asked.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Sequence

from backend.text.normalize import letters
from stt_worker.recognizers.recognizer import Hypothesis

MOST_COMPRESSED = 2.4
"""Bytes of text per byte of its zlib form: more is repetition (the limit of Whisper's own transcriber)."""
SPARSE = 3
"""Letters per second: people who speak say more, four times as much at ease; a long noise yields a sentence."""
LEAST_LOGPROB = -1.0
"""Mean log-probability per token: less is guesswork (the same)."""
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
"""How subtitles begin that credit their makers or thank their viewers (openai/whisper discussions 679 and 928)."""
FILLERS = """
    you | so | bye | thank you | thank you very much | thank you so much | well be right back | to be continued
    music | applause | silence | beep | foreign | vielen dank | vielen dank für die aufmerksamkeit
    bis zum nächsten mal | tschüss | merci | merci à tous | à la prochaine | gracias | hasta la próxima | obrigado
    obrigada | até a próxima | tchau tchau | grazie | grazie a tutti | alla prossima | tot de volgende keer
    dziękuję | dziękuję za uwagę | спасибо за внимание | до новых встреч | до свидания | спасибо | дякую
    дякуємо за увагу | далі буде | teşekkürler | ありがとうございました | おやすみなさい | 감사합니다 | موسيقى
    תודה רבה | धन्यवाद | ধন্যবাদ | terima kasih
"""
"""Whole texts that Whisper writes when nobody speaks, and that people say as well (the same)."""


def objection(text: str, words: Sequence[str], seconds: float, avg_logprob: float) -> str:
    """Why this should be decoded again, or "" when nothing speaks against it."""
    if loop_start(words) < len(words):
        return "loop"
    if breadth(text) > 50 + 28 * seconds:
        return "too_fast"
    if compression(text) > MOST_COMPRESSED:
        return "repetitive"
    if avg_logprob < LEAST_LOGPROB:
        return "improbable"
    return ""


def withdrawal(heard: Hypothesis, seconds: float) -> str:
    """Why this text should not be shown at all, or "" when it may be."""
    if not heard.text:
        return ""
    if not letters(heard.text):
        return "no_letters"
    if compression(heard.text) > MOST_COMPRESSED:
        return "repetitive"
    if heard.avg_logprob < 2 * LEAST_LOGPROB:
        return "improbable"
    # Sampling again until something sounds probable is no evidence of speech.
    if heard.no_speech_probability > 0.3 and heard.avg_logprob < (-0.6 if heard.retried else LEAST_LOGPROB):
        return "no_speech"
    if seconds >= 6.0 and breadth(heard.text) < SPARSE * seconds and heard.avg_logprob < -0.7:
        return "sparse"
    sure = -0.25 if seconds < 2.0 else -0.5
    if is_credit(heard.text) and (heard.no_speech_probability > 0.3 or heard.avg_logprob < sure):
        return "credit"
    if is_filler(heard.text) and (heard.no_speech_probability > 0.5 or heard.avg_logprob < -0.7):
        return "filler"
    return ""


def compression(text: str) -> float:
    """How many times shorter zlib makes the text's bytes."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def breadth(text: str) -> int:
    """Letters, where a character as wide as two (Han, kana, Hangul) counts twice and a mark on a letter nothing."""
    return sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in text if unicodedata.category(c)[0] in "LN")


def loop_start(words: Sequence[str], rounds: int = 2) -> int:
    """How many words to keep of a text that goes in circles up to its end; all of them if it does not.

    A circle is a phrase of three or more words said `rounds` times, or a shorter one said five times; its first round
    is kept.
    """
    said = [letters(word) for word in words]
    keep = len(said)
    for length in range(1, len(said) // 2 + 1):
        again = 0
        while again < len(said) - length and said[-1 - again] == said[-1 - again - length]:
            again += 1
        is_phrase = length >= 3 and len("".join(said[-length:])) >= 8
        if again / length + 1 >= (rounds if is_phrase else 5):
            keep = min(keep, len(said) - again)
    return keep


def is_credit(text: str) -> bool:
    """Whether this begins as subtitles do that credit their makers or thank their viewers."""
    return letters(text).startswith(_CREDITS)


def is_filler(text: str) -> bool:
    """Whether this is nothing but a word or two that Whisper writes when nobody speaks."""
    return letters(text) in _FILLERS


def _phrases(table: str) -> list[str]:
    return [letters(phrase) for phrase in table.replace("\n", "|").split("|") if letters(phrase)]


_CREDITS = tuple(_phrases(CREDITS))
_FILLERS = frozenset(_phrases(FILLERS))
