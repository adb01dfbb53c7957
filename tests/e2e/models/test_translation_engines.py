"""The translation engines with a real model: OPUS-MT zh-en as published, and in the form in which NLLB is called."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import ctranslate2
import pytest
import sentencepiece
from structlog.testing import capture_logs

from backend.engines.loading import Hardware
from backend.errors import ModelError, UnsupportedPairError
from tests.testkit.models import nllb
from tests.testkit.models.bleu import bleu, sentence_pairs
from translation_worker import sentences
from translation_worker.guards import has_loop
from translation_worker.nllb import Nllb
from translation_worker.opus import Opus
from translation_worker.translator import Passage, Translator, pick_translator

ENGINES: dict[str, Callable[[Path], Translator]] = {"nllb": Nllb, "opus": Opus}


@pytest.fixture(scope="module")
def nllb_shaped(opus_zh_en: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nllb.derive(opus_zh_en, tmp_path_factory.mktemp("models") / "opus-zh-en-as-nllb")


@pytest.fixture(scope="module", params=["opus", "nllb"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def directory(form: str, opus_zh_en: Path, nllb_shaped: Path) -> Path:
    return opus_zh_en if form == "opus" else nllb_shaped


@pytest.fixture(scope="module")
def translator(form: str, directory: Path) -> Translator:
    return ENGINES[form](directory)


def passage(text: str, *, prefix: str = "", beam_size: int = 4) -> Passage:
    return Passage(text, "zho_Hans", "eng_Latn", prefix, beam_size)


def called_directly(directory: Path, form: str, texts: list[str]) -> list[str]:
    """The translations of CTranslate2 alone: each text as a whole, beam 4, no guards."""
    weights, pieces = {"opus": ("model", "sentencepiece.model"), "nllb": (".", "sentencepiece.bpe.model")}[form]
    model = ctranslate2.Translator(str(directory / weights), compute_type="int8")
    vocabulary = sentencepiece.SentencePieceProcessor(model_file=str(directory / pieces))
    sources = [vocabulary.encode(text, out_type=str) for text in texts]
    start = []
    if form == "nllb":
        sources, start = [["zho_Hans", *source, "</s>"] for source in sources], ["eng_Latn"]
    results = model.translate_batch(
        sources, target_prefix=[start] * len(texts), beam_size=4, max_batch_size=2048, batch_type="tokens"
    )
    return ["".join(result.hypotheses[0][len(start) :]).replace("▁", " ").strip() for result in results]


@pytest.mark.slow
def test_the_quality_is_that_of_the_model(
    translator: Translator, directory: Path, form: str, shared_folder: Path
) -> None:
    texts, references = (some[::2] for some in sentence_pairs(shared_folder / "text" / "tatoeba-zh-en.tsv"))
    bare = bleu(called_directly(directory, form, texts), references)
    ours = bleu(translator.translate([passage(text) for text in texts]), references)
    print(f"BLEU of {len(texts)} sentences, {form}: {bare:.2f} called directly, {ours:.2f} through the engine")
    assert bare > 30
    assert ours >= bare - 0.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我昨天去了北京。", ("yesterday", "beijing")),
        ("今天天气很好。", ("day",)),
        ("你叫什么名字？", ("name", "?")),
        ("我有三本书。", ("three", "books")),
        ("他是一位英语老师。", ("english", "teacher")),
        ("書在桌子上。", ("book", "table")),
    ],
)
def test_a_plain_sentence_is_translated(translator: Translator, text: str, words: tuple[str, ...]) -> None:
    (english,) = translator.translate([passage(text)])
    for word in words:
        assert word in english.lower()


def test_a_short_first_sentence_is_not_dropped(translator: Translator) -> None:
    (english,) = translator.translate([passage("可怜的猫！你好，乔治。你昨天去哪儿了？")])
    for words in ("cat", "George", "yesterday?"):
        assert words in english


def test_empty_text_stays_empty_and_line_breaks_are_kept(translator: Translator) -> None:
    empty, blank, notes, lines = translator.translate(
        [passage(""), passage(" \n"), passage("♪♪"), passage("我很好。\n你呢？")]
    )
    assert (empty, blank, notes) == ("", "", "♪♪")
    assert [bool(line.strip()) for line in lines.split("\n")] == [True, True]


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("prefix", ["I was in", "I was in Beijing ", "Ünïcödé ▁ 漢字 stays", "Good day.  I was in"])
def test_a_translation_begins_with_exactly_its_prefix(translator: Translator, prefix: str, beam_size: int) -> None:
    (english,) = translator.translate([passage("你好。我昨天去了北京。", prefix=prefix, beam_size=beam_size)])
    assert english.startswith(prefix)
    assert "yesterday" in english[len(prefix) :]


def test_finals_and_previews_may_share_a_batch_in_any_order(translator: Translator) -> None:
    numbers = {"我有三个孩子。": "three", "我有两本书。": "two", "现在是五点。": "five"}
    batch = [passage(text, beam_size=beam) for beam in (4, 1) for text in numbers]
    batch += [passage(text, prefix="Well,", beam_size=1) for text in numbers]
    for asked, english in zip(batch, translator.translate(batch), strict=True):
        assert numbers[asked.text] in english or {"three": "3", "two": "2", "five": "5"}[numbers[asked.text]] in english
        assert english.startswith(asked.prefix)


def test_a_translation_that_degenerates_has_no_loop(translator: Translator, directory: Path, form: str) -> None:
    nonsense = "ㄅㄈㄇㄅㄅㄆㄈㄇㄇㄅㄇㄈㄆㄈㄅㄆㄇㄅㄈㄇㄅㄇㄈㄇㄈㄅㄆㄇㄅㄅㄆㄇㄈㄆㄅㄇㄆㄈㄇㄇ"
    assert not has_loop(nonsense)  # a loop in the source may be translated as one
    assert has_loop(called_directly(directory, form, [nonsense])[0])
    (english,) = translator.translate([passage(nonsense)])
    assert english
    assert not has_loop(english)


def test_pairs_may_be_mixed_in_one_batch(nllb_shaped: Path) -> None:
    """This model cannot translate the other direction, but its tokens must not affect other passages."""
    chinese, english = passage("我昨天去了北京。"), Passage("Good morning to all.", "eng_Latn", "zho_Hans")
    model = Nllb(nllb_shaped)
    first, _, last = model.translate([chinese, english, passage("今天天气很好。")])
    assert "Beijing" in first
    assert "day" in last


def test_each_engine_reports_its_pairs(opus_zh_en: Path, nllb_shaped: Path) -> None:
    opus, nllb = Opus(opus_zh_en), Nllb(nllb_shaped)
    assert (opus.model, opus.pairs()) == ("opus-zh-en", "Chinese (Simplified) to English")
    assert (nllb.model, nllb.pairs()) == ("opus-zh-en-as-nllb", "2 languages")
    assert opus.serves("zho_Hans", "eng_Latn")
    assert opus.serves("zho_Hant", "eng_Latn")
    assert not opus.serves("eng_Latn", "zho_Hans")
    assert not opus.serves("yue_Hant", "eng_Latn")
    assert nllb.serves("eng_Latn", "zho_Hans")
    assert not nllb.serves("zho_Hant", "eng_Latn")
    assert pick_translator([nllb, opus], "zho_Hant", "eng_Latn") == (opus, "eng_Latn")
    with pytest.raises(UnsupportedPairError):
        pick_translator([nllb, opus], "spa_Latn", "eng_Latn")


def test_a_package_writes_its_target_in_one_script(opus_zh_en: Path, tmp_path: Path) -> None:
    package = shutil.copytree(opus_zh_en, tmp_path / "opus-en-zh")
    (package / "metadata.json").write_text('{"from_code": "en", "to_code": "zh"}')
    assert Opus(package).serves("eng_Latn", "zho_Hans")
    assert not Opus(package).serves("eng_Latn", "zho_Hant")


def test_a_package_without_metadata_is_identified_by_its_name(opus_zh_en: Path, tmp_path: Path) -> None:
    package = shutil.copytree(opus_zh_en, tmp_path / "translate-pb_en-1_9")
    (package / "metadata.json").unlink()
    assert Opus(package).pairs() == "Portuguese to English"
    with pytest.raises(ModelError, match="unknown language 'qq'"):
        Opus(package.rename(tmp_path / "opus-qq-en"))


def test_an_older_vocabulary_with_one_token_per_line_is_read(nllb_shaped: Path, tmp_path: Path) -> None:
    (tmp_path / "shared_vocabulary.txt").write_text("<s>\n▁the\nspa_Latn\nyue_Hant\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"model\.bin is missing"):
        Nllb(tmp_path)
    (tmp_path / "shared_vocabulary.txt").write_text("<s>\n▁the\n", encoding="utf-8")
    with pytest.raises(ModelError, match="no language tokens"):
        Nllb(tmp_path)


@pytest.mark.parametrize("file", ["model.bin", "sentencepiece.bpe.model"])
def test_damaged_weights_are_reported(nllb_shaped: Path, tmp_path: Path, file: str) -> None:
    damaged = shutil.copytree(nllb_shaped, tmp_path / "damaged")
    (damaged / file).write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"cannot load the (translation )?model"):
        Nllb(damaged)


def test_a_directory_without_a_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the vocabulary"):
        Nllb(tmp_path)
    with pytest.raises(ModelError, match="opus-SOURCE-TARGET"):
        Opus(tmp_path)


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="this machine has the GPU that is to be missing")
def test_a_gpu_that_does_not_work_is_reported_and_the_cpu_is_used(nllb_shaped: Path) -> None:
    with capture_logs() as logs:
        model = Nllb(nllb_shaped, Hardware(device="cuda", index=1))
    assert model.device == "cpu"
    unusable, loaded = logs
    assert (unusable["event"], unusable["model"], unusable["gpu_device"]) == ("gpu_unusable", "opus-zh-en-as-nllb", 1)
    assert (loaded["event"], loaded["device"]) == ("model_loaded", "cpu")
    assert "day" in model.translate([passage("今天天气很好。")])[0]


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() == 0, reason="needs a CUDA device")
def test_a_gpu_that_works_is_used(nllb_shaped: Path) -> None:
    model = Nllb(nllb_shaped, Hardware(device="auto"))
    assert model.device == "cuda:0"
    assert "day" in model.translate([passage("今天天气很好。")])[0]


def test_symbols_that_the_model_loses_are_in_the_translation(translator: Translator) -> None:
    texts = ["我爱你😀非常多。", "请{name}来这里。", "价格是5€，很便宜。", "他说{你好}然后走了。"]
    loved, placeholder, price, braces = translator.translate([passage(text) for text in texts])
    assert "😀" in loved[1:-1]
    assert "{name}" in placeholder
    assert "€" in price
    assert re.search(r"\{\w.*\w\}", braces)


def test_long_text_without_punctuation_is_translated_in_short_pieces(translator: Translator, directory: Path) -> None:
    (pieces_file,) = directory.glob("*.model")
    vocabulary = sentencepiece.SentencePieceProcessor(model_file=str(pieces_file))
    varied = "我们昨天下午在公园里散步的时候遇到了一位很久没有见面的老朋友他告诉我们他最近换了一份新的工作"
    for text in (varied * 17, "是" * 750, "a" * 750):
        tokens = [len(vocabulary.encode(piece.text)) for piece in sentences.split(text, "zho_Hans")]
        assert max(tokens) <= 90, tokens
    began = time.process_time()
    (translated,) = translator.translate([passage("是" * 750)])
    print(f"750 characters without punctuation: {time.process_time() - began:.1f} s of processor time")
    assert translated
