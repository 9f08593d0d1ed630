"""How well each analyzer finds morphemes: boundary F1 against the gold morphemes of UD Korean (GSD, Kaist).

    python -m benchmarks.segmentation [--sentences 300] [--analyzers mecab_ko kiwi] [--output result.json]

A boundary lies between two syllables of an eojeol that belong to different morphemes; boundaries at blanks are
given and do not count, nor do those inside a syllable (했 = 하 + 었), which analyzers of surface forms cannot
show. Gold and analyzer are put on the text's syllables in the same way: by the syllables' initial consonants,
in order. Sentences are taken evenly from the development files of ../shared/data/ud_korean.
"""

import argparse
import gzip
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.results import write_results
from udfs.analyzers import ANALYZERS, tokenize
from udfs.lossless import loses_nothing

DATA = Path("../shared/data/ud_korean")
TREEBANKS = ("gsd", "kaist")
_TAG = re.compile(r"/[A-Z+]+$")  # mecab_ko's tokens carry their tag

Sentence = tuple[str, list[str]]  # text, gold morphemes


def main() -> None:
    arguments = _parse_arguments()
    treebanks = {name: read_sentences(name, arguments.sentences) for name in TREEBANKS}
    print("analyzer           " + "".join(f"{name:>8}" for name in TREEBANKS))
    results: dict[str, dict[str, float]] = {}
    for analyzer in arguments.analyzers:
        results[analyzer] = {name: score(sentences, analyzer) for name, sentences in treebanks.items()}
        print(f"{analyzer:19}" + "".join(f"{f1:8.3f}" for f1 in results[analyzer].values()), flush=True)
    write_results(arguments.output, {"boundary_f1": results})


def score(sentences: list[Sentence], analyzer: str) -> float:
    """F1 of the boundaries in all the sentences."""
    tokens = tokenize([text for text, _ in sentences], analyzer)
    pairs = [(boundaries(s[0], t), boundaries(*s)) for s, t in zip(sentences, tokens, strict=True)]
    hits = sum(len(found & gold) for found, gold in pairs)
    return 2 * hits / sum(len(found) + len(gold) for found, gold in pairs)


def boundaries(text: str, tokens: Iterable[str]) -> set[int]:
    """Places in the text, not after a blank, where another token begins than the one before."""
    letters = ((letter, i) for i, token in enumerate(tokens) for letter in _token_letters(token))
    result: set[int] = set()
    before = None
    for place, character in enumerate(text):
        if not character.isalnum():
            continue
        token = next((i for letter, i in letters if letter == _letter(character)), None)
        if token != before and place and text[place - 1].isalnum():
            result.add(place)
        before = token
    return result


def read_sentences(treebank: str, count: int) -> list[Sentence]:
    """That many sentences, evenly from the file, of those whose gold morphemes stand in their text."""
    with gzip.open(DATA / f"ko_{treebank}-ud-dev.conllu.gz", "rt", encoding="utf8") as file:
        blocks = file.read().strip().split("\n\n")
    sentences = [sentence for sentence in map(_parse_sentence, blocks) if loses_nothing(*sentence)]
    return sentences[:: max(1, len(sentences) // count)][:count]


def _parse_sentence(block: str) -> Sentence:
    lines = block.split("\n")
    text = next(line.removeprefix("# text = ") for line in lines if line.startswith("# text = "))
    lemmas = [line.split("\t")[2] for line in lines if line[0].isdigit()]
    return text, [morpheme for lemma in lemmas for morpheme in lemma.split("+") if morpheme]


def _letter(character: str) -> str:
    return unicodedata.normalize("NFD", character.lower())[0]


def _token_letters(token: str) -> Iterator[str]:
    for character in _TAG.sub("", token):
        yield _letter(character)
        if unicodedata.normalize("NFD", character).endswith("ᆸ"):
            yield "ᄋ"  # 더운 = 덥 + ㄴ


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--sentences", type=int, default=300, help="sentences of each treebank")
    parser.add_argument("--analyzers", nargs="+", default=list(ANALYZERS), choices=ANALYZERS)
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
