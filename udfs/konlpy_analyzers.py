"""konlpy's five analyzers. konlpy is GPL-3: nothing imports this file but a setting that names one of them.

Okt, Komoran, Hannanum and Kkma run in a JVM inside the Python process (JPype): one a Python worker, so one a
core, counted by Spark as executor memory overhead. Its heap may grow to MALGIL_JVM_HEAP_MB megabytes (1024 by
default; Okt keeps 85 of them, Hannanum 125, Komoran 175, Kkma 325).
"""

import os
import re
from collections.abc import Callable
from typing import Any

import jpype
import konlpy.utils

from udfs.lossless import PLACEHOLDER, Analyze, make_lossless

# What these libraries break on, cut out and a token of its own: Komoran cuts an emoji in two halves of a
# surrogate pair, which JPype cannot decode.
_APART = re.compile(rf"({PLACEHOLDER.pattern[1:-1]}|[^\u0000-\uffff]+)")
# Kkma's time grows exponentially with an eojeol's length (1 s for 24 syllables, no end for 500), Okt's with
# its square (6 s for 1,000), and Hannanum gives up at about 150. What is longer is analyzed in pieces.
_MAX_EOJEOL_CHARS = {"kkma": 20, "okt": 64, "komoran": 64, "hannanum": 64}


def load_konlpy_analyzer(name: str) -> Analyze:
    """Return the function that tokenizes one text with okt, komoran, hannanum, kkma or mecab."""
    if name == "mecab":
        return _load_mecab()
    start_jvm()
    return make_lossless(_endure(_JVM_LOADERS[name](), _MAX_EOJEOL_CHARS[name]), apart=_APART)


def load_konlpy_mecab() -> Any:
    """Return konlpy's Mecab over python-mecab-ko's engine and dictionary.

    konlpy looks for a module MeCab, which on PyPI is the Japanese MeCab that ignores mecab-ko's cost of
    blanks, and for a dictionary under /usr/local. python-mecab-ko has brought the right ones already.
    """
    import _mecab
    import mecab
    import mecab_ko_dic
    from konlpy.tag import Mecab

    analyzer = Mecab.__new__(Mecab)
    analyzer.dicpath = str(mecab_ko_dic.dictionary_path)
    analyzer.tagger = _mecab.Tagger(["--rcfile", str(mecab.mecabrc_path), "--dicdir", analyzer.dicpath])
    return analyzer


def start_jvm() -> None:
    """Start the JVM that konlpy's analyzers find; a JVM that runs already is used as it is."""
    if jpype.isJVMStarted():
        return
    java = os.path.join(konlpy.utils.installpath, "java")
    # -Xrs leaves the signals to Python. One core a worker: one thread collects. G1, for Kkma takes 4.2 ms a
    # text with it and 6.3 with the parallel or serial collector. No -ea as in konlpy: assertions cost time.
    collector = ["-XX:+UseG1GC", "-XX:ParallelGCThreads=1", "-XX:ConcGCThreads=1"]
    flags = [f"-Xmx{_heap_mb()}m", "-Xrs", *collector, "-Dfile.encoding=UTF8"]
    classpath = [f"{java}/bin", f"{java}/*"]
    jpype.startJVM(*flags, classpath=classpath, convertStrings=True)
    _silence_java()


def _heap_mb() -> str:
    return os.environ.get("MALGIL_JVM_HEAP_MB", "1024")


def _silence_java() -> None:
    """Hannanum prints the text that it fails on; what people said must not reach a log."""
    nowhere = jpype.JClass("java.io.PrintStream")(jpype.JClass("java.io.OutputStream").nullOutputStream())
    jpype.JClass("java.lang.System").setOut(nowhere)
    jpype.JClass("java.lang.System").setErr(nowhere)


def _endure(analyze: Analyze, max_eojeol_chars: int) -> Analyze:
    """Return the analyzer, giving [] where Java fails: make_lossless then goes on by eojeol and character.

    Raises:
        MemoryError: the JVM's heap is full, which is not the text's fault.
    """
    too_long = re.compile(rf"(\S{{{max_eojeol_chars}}})(?=\S)")
    failures = (jpype.JClass("java.lang.Exception"), jpype.JClass("java.lang.StackOverflowError"), UnicodeError)
    heap_is_full = jpype.JClass("java.lang.OutOfMemoryError")

    def tokenize_text(text: str) -> list[str]:
        if len(text) > max_eojeol_chars:
            text = too_long.sub(r"\1 ", text)
        try:
            return analyze(text)
        except failures:
            return []
        except heap_is_full as error:
            message = f"analyzer: the JVM's heap of {_heap_mb()} MB is full; set MALGIL_JVM_HEAP_MB higher"
            raise MemoryError(message) from error

    return tokenize_text


def _load_mecab() -> Analyze:
    parse = load_konlpy_mecab().tagger.parse

    def tokenize_text(text: str) -> list[str]:
        *lines, _, _ = parse(text).split("\n")  # "surface<TAB>tag,…" a line, EOS, nothing; konlpy cuts tags too
        return [line.split("\t", 1)[0] for line in lines]

    return make_lossless(tokenize_text, is_complete=True)


def _load_okt() -> Analyze:
    from konlpy.tag import Okt

    java = Okt().jki
    no = jpype.JClass("java.lang.Boolean")(False)
    join = jpype.JClass("java.lang.String").join  # one call into Java a text, not one a token

    def tokenize_text(text: str) -> list[str]:
        return [tagged.rpartition("/")[0] for tagged in join("\n", java.tokenize(text, no, no)).split("\n")]

    return tokenize_text


def _load_komoran() -> Analyze:
    from konlpy.tag import Komoran

    komoran = Komoran()
    java = komoran.jki

    def tokenize_text(text: str) -> list[str]:
        tagged = java.analyze(text).getPlainText()  # one call into Java a text, not two a token
        if "/NA" in tagged:  # unknown words stand there as jamo; konlpy's way gives them as they are
            return " ".join(komoran.morphs(text)).split()
        parts = tagged.split()  # a name may hold a blank: then not every part has a tag
        return [part.rsplit("/", 1)[0] for part in parts]

    return tokenize_text


def _load_hannanum() -> Analyze:
    from konlpy.tag import Hannanum

    morphs: Analyze = Hannanum().morphs
    return morphs


def _load_kkma() -> Analyze:
    from konlpy.tag import Kkma

    morphs: Analyze = Kkma().morphs
    return morphs


_JVM_LOADERS: dict[str, Callable[[], Analyze]] = {
    "okt": _load_okt,
    "komoran": _load_komoran,
    "hannanum": _load_hannanum,
    "kkma": _load_kkma,
}
