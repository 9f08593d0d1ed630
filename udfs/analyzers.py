"""Korean analyzers behind one call: text in, tokens out, the same in training, in Spark and in serving.

| name | what it is | tokens |
|---|---|---|
| mecab_ko | mecab-ko (python-mecab-ko) | morphemes as they stand, with their tag: 주문해요 -> 주문/NNG 해요/XSV+EF |
| kiwi | Kiwi (kiwipiepy) | morphemes in their dictionary form: 주문했어요 -> 주문 하 었 어요 |
| okt, mecab | konlpy, GPL-3 | morphemes as they stand in the text |
| hannanum, kkma, komoran | konlpy, GPL-3 | morphemes in their dictionary form |
| characters | ours | every character but blanks: 주문해 -> 주 문 해 |
| character_ngrams | ours | runs of 1 to 4 characters, blanks left out, ^ and $ at the ends, the short ones first |
| spaced_characters | ours | every character, a blank as ▁: 주문 해 -> 주 문 ▁ 해 |
| spaced_morphemes | mecab-ko | morphemes as they stand, ▁ before those behind a blank: 주문 해요 -> 주문 ▁해요 |
| jamo_ngrams | ours | runs of 3 to 6 jamo of an eojeol, ^ and $ at its ends, the short ones first |

What holds for every name: a token is not empty and holds no blank; a placeholder such as [전화번호] is one
token; no Hangul is lost (udfs/lossless.py says what that means); no text stops the analyzer.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import cache, partial

from udfs.jamo import to_jamo
from udfs.lossless import Analyze, make_lossless
from udfs.spaced_units import BLANK, mark_blanks

MAX_NGRAM = 4
JAMO_NGRAMS = range(3, 7)
ANALYZERS: tuple[str, ...] = (
    "okt",
    "komoran",
    "hannanum",
    "kkma",
    "mecab",
    "kiwi",
    "mecab_ko",
    "characters",
    "character_ngrams",
    "jamo_ngrams",
    "spaced_characters",
    "spaced_morphemes",
)


def tokenize(texts: Sequence[str], analyzer: str) -> list[list[str]]:
    """Return the tokens of each text, in the order of the texts; a text without tokens gives [].

    The analyzer is loaded on first use (up to 5 s) and kept for the life of the process.

    Raises:
        ValueError: the name is none of ANALYZERS.
    """
    analyze = load_analyzer(analyzer)
    return [analyze(text) for text in texts]


def check_analyzer(name: str) -> None:
    """Raise ValueError, with the nearest name, if the name is none of ANALYZERS."""
    if name not in ANALYZERS:
        guess = get_close_matches(name, ANALYZERS, n=1)
        hint = f"; did you mean {guess[0]}?" if guess else ""
        raise ValueError(f"analyzer: expected one of {', '.join(ANALYZERS)}; received {name}{hint}")


@cache
def load_analyzer(name: str) -> Analyze:
    """Return the function that tokenizes one text with this analyzer, loaded once a process."""
    check_analyzer(name)
    return _LOADERS.get(name, partial(_load_konlpy, name))()


def _load_mecab_ko() -> Analyze:
    return _open_mecab_ko("%m/%f[0] ")


def _open_mecab_ko(node: str) -> Analyze:
    """Morphemes, each as `node` says."""
    import _mecab
    import mecab
    import mecab_ko_dic

    options = ["--rcfile", str(mecab.mecabrc_path), "--dicdir", str(mecab_ko_dic.dictionary_path)]
    # MeCab().pos() gives the same in 2.4 times the time: it makes Python objects of every node
    form = [f"--node-format={node}", f"--unk-format={node}", "--bos-format=", "--eos-format="]
    parse = _mecab.Tagger([*options, *form]).parse
    return make_lossless(lambda text: parse(text).split(), is_complete=True)


def _load_kiwi() -> Analyze:
    from kiwipiepy import Kiwi

    analyze = Kiwi(num_workers=1).tokenize  # one thread: Spark runs one Python worker a core

    def tokenize_text(text: str) -> list[str]:
        forms = [morpheme.form for morpheme in analyze(text, compatible_jamo=True)]
        return " ".join(forms).split()  # a name in Kiwi's dictionary may hold a blank

    return make_lossless(tokenize_text)


def _load_konlpy(name: str) -> Analyze:
    from udfs.konlpy_analyzers import load_konlpy_analyzer

    return load_konlpy_analyzer(name)


def _load_characters() -> Analyze:
    return make_lossless(lambda text: list(text.replace(" ", "")), is_complete=True)


def _load_character_ngrams() -> Analyze:
    return make_lossless(_split_ngrams, is_complete=True)


def _split_ngrams(text: str) -> list[str]:
    run = f"^{text.replace(' ', '')}$"
    return [run[start : start + n] for n in range(1, MAX_NGRAM + 1) for start in range(len(run) - n + 1)]


def _load_jamo_ngrams() -> Analyze:
    return make_lossless(_split_jamo_ngrams, is_complete=True)


def _split_jamo_ngrams(text: str) -> list[str]:
    runs = [f"^{eojeol}$" for eojeol in to_jamo(text).split()]
    return [run[start : start + n] for n in JAMO_NGRAMS for run in runs for start in range(len(run) - n + 1)]


def _load_spaced_characters() -> Analyze:
    analyze = make_lossless(lambda text: list("".join(text.split())), is_complete=True)
    return lambda text: analyze(BLANK.join(text.split()))


def _load_spaced_morphemes() -> Analyze:
    analyze = _open_mecab_ko("%m ")

    def tokenize_text(text: str) -> list[str]:
        printable = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
        return mark_blanks(printable.strip(), analyze(printable))

    return tokenize_text


_LOADERS: dict[str, Callable[[], Analyze]] = {
    "mecab_ko": _load_mecab_ko,
    "kiwi": _load_kiwi,
    "characters": _load_characters,
    "character_ngrams": _load_character_ngrams,
    "jamo_ngrams": _load_jamo_ngrams,
    "spaced_characters": _load_spaced_characters,
    "spaced_morphemes": _load_spaced_morphemes,
}
