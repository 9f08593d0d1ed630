"""What is written and may be shown, and the numbers of what was written."""

import math
from pathlib import Path

import numpy as np
import pytest

from models.beam_search import Found
from models.dual_encoder_config import REPLY
from models.encoders.transformer import TransformerConfig
from models.seq2seq import build_network
from models.seq2seq_config import BeamConfig, Seq2seqConfig
from models.vocabulary import InputSpec, Vocabulary
from pipelines.encoding import Feature, TextEncoder
from pipelines.io.model_files import LoadedModel, ModelFiles, load_model, load_part, write_model
from pipelines.reply_measurement import HeldOutPairs
from pipelines.reply_samples import render_written
from pipelines.responses import may_be_said
from pipelines.self_test import ModelSelfTestError
from pipelines.seq2seq import DECODER, Writer, WritingRules, create_writer
from pipelines.seq2seq_measurement import Written, measure_perplexity, score_written
from udfs.analyzers import tokenize

VOCABULARY = Vocabulary(("[전화번호]", *"안녕하세요▁시발010-2345678네.htps:/w"))
ENCODER = TextEncoder((Feature("units", "spaced_characters", 40, VOCABULARY),), ())


def writer_of(*texts: str, unfinished: str = "") -> Writer:
    """One whose search finds these texts for every message, best first, and at last one without an end."""
    ids = VOCABULARY.encode(tokenize([*texts, unfinished], "spaced_characters"), 40)

    def search(asked: np.ndarray) -> Found:
        beams = np.repeat(ids[None], len(asked), axis=0)
        return Found(
            beams, np.zeros(beams.shape[:2], np.float32), np.array([[True] * len(texts) + [False]] * len(asked))
        )

    return Writer(search, ENCODER, ("시발",), count=2)


def test_answers_come_best_first_and_none_twice() -> None:
    assert writer_of("안녕하세요", "안녕 하세요.", "네", unfinished="요").suggest(["반가워", " "]) == [
        ["안녕하세요", "네"],
        [],
    ]
    assert writer_of("네").suggest([]) == []


@pytest.mark.parametrize(
    "text",
    [
        "[전화번호]",
        "[전화번호]로 전화하세요",
        "010-2345-6785 로",  # what masking would take out
        "시 발",
        "안녕 시.발",
        "https://www.w.w/w",
        "[링크]",
        "...",
        "",
    ],
)
def test_what_nobody_has_read_is_dropped_where_it_may_harm(text: str) -> None:
    assert not may_be_said(text, ["시발"])
    assert writer_of(text, "네").suggest(["반가워"]) == [["네"]]


def test_a_version_that_was_loaded_writes_what_the_trained_one_would(tmp_path: Path) -> None:
    inputs = {name: InputSpec(VOCABULARY.size, 40) for name in ("units", f"{REPLY}units")}
    network = build_network(inputs, classes=0, config=Seq2seqConfig(embedding_size=8, gru_units=8))
    write_model(tmp_path / "m", network=network.encoder, encoder=ENCODER, parts={DECODER: network.decoder})
    files, rules = ModelFiles(str(tmp_path / "m"), "malgil-seq2seq", "1"), WritingRules(BeamConfig(beams=2), (), 2)
    loaded = create_writer(load_model(files), load_part(files, DECODER), rules)
    trained = create_writer(LoadedModel(network.encoder, ENCODER, "malgil-seq2seq", ""), network.decoder, rules)
    asked = ENCODER.features[0].encode(["안녕하세요", "네"])
    np.testing.assert_array_equal(loaded.search(asked).ids, trained.search(asked).ids)
    assert loaded.suggest(["안녕하세요", ""])[1] == []


def test_a_version_whose_numbers_are_none_is_refused() -> None:
    inputs = {name: InputSpec(VOCABULARY.size, 40) for name in ("units", f"{REPLY}units")}
    network = build_network(inputs, classes=0, config=Seq2seqConfig(embedding_size=8, gru_units=8))
    network.trainable_variables[0].assign(np.full(network.trainable_variables[0].shape, np.nan))
    broken = LoadedModel(network.encoder, ENCODER, "malgil-seq2seq", "7")
    with pytest.raises(ModelSelfTestError, match="malgil-seq2seq version 7: its self-test expected scores that are"):
        create_writer(broken, network.decoder, WritingRules(BeamConfig(beams=2), (), 2))


def test_perplexity_is_what_the_network_gives_the_units_and_an_unknown_one_is_a_guess_among_syllables() -> None:
    inputs = {name: InputSpec(VOCABULARY.size, 6) for name in ("units", f"{REPLY}units")}
    shape = TransformerConfig(blocks=1, heads=1, feed_forward=8)
    network = build_network(inputs, classes=0, config=Seq2seqConfig(embedding_size=8, gru_units=8, transformer=shape))
    for variable in network.trainable_variables:
        if "units_table" in variable.path:
            variable.assign(np.zeros(variable.shape))  # all units are equally probable
    ids = VOCABULARY.encode(tokenize(["안녕", "요"], "spaced_characters"), 6)
    known = HeldOutPairs(("네", "네"), ("안녕", "요"), {"units": ids}, {"units": ids})
    found = measure_perplexity(network, known, VOCABULARY)
    assert found.per_unit == pytest.approx(VOCABULARY.size, rel=1e-4)
    assert found.per_character == pytest.approx(VOCABULARY.size, rel=1e-4)  # each unit a character, and the ends
    ids = VOCABULARY.encode(tokenize(["안뷁", "요"], "spaced_characters"), 6)
    strange = HeldOutPairs(("네", "네"), ("안뷁", "요"), {"units": ids}, {"units": ids})
    expected = math.exp((5 * math.log(VOCABULARY.size) + math.log(11_172)) / 5)
    assert measure_perplexity(network, strange, VOCABULARY).per_character == pytest.approx(expected, rel=1e-4)


def test_a_score_is_of_the_best_answers_and_of_all_questions() -> None:
    written = [
        Written("안녕", "네 네", ("네 네.", "아니요"), ()),
        Written("뭐 해", "밥 먹어요", (), ()),
        Written("잘 가", "또 와요", ("네 네",), ("또 와요",)),
    ]
    score = score_written(written)
    assert (score.answered, score.exact) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert (score.distinct_1, score.distinct_2) == (2 / 4, 2 / 2)  # words 네, 네., 네, 네
    assert 0 < score.chrf < 1


def test_a_page_shows_what_was_written_beside_what_would_be_chosen_and_escapes_it() -> None:
    page = render_written(
        [Written("<b>안녕", "네", ("반가워요", "네"), ("안녕하세요",)), Written("뭐 해", "밥", (), ())]
    )
    assert "<tr><td>&lt;b&gt;안녕<td>네<td>반가워요<br>네<td>안녕하세요" in page
    assert "<td><small>none</small><td><small>none</small>" in page
    assert "2 of 2 held-out questions, in the order of their hash; 1 of all get an answer." in page
