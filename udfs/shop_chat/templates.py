"""Sentence templates: a small notation for Korean frames, compiled once to functions of a voice.

{product}        a slot: what the session talks about, a word list or a value made on the spot
{product:이}     the same with the particle that fits its last sound (and often none in casual talk)
[오:wh]          a verb stem with an ending of the type `wh` (endings.yaml) in the voice's register
(언제|며칠에|)   one of several, nested as deep as wanted
(값|가격대)~이   one of several with its particle
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from udfs.shop_chat.conjugation import conjugate
from udfs.shop_chat.particles import FORMS, attach_particle

REGISTERS = ("polite", "formal", "casual", "chat")
_DROPPED_PARTICLE = {"polite": 0.1, "formal": 0.0, "casual": 0.4, "chat": 0.5}
_DROPPABLE = ("은", "이", "을")
_TOKEN = re.compile(r"\{(\w+)(?::(\w+))?\}|\[([^\[\]:]*):(\w+)\]|([(|]|\)(?:~(\w))?)")

Part = Callable[["Voice"], str]
Endings = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Voice:
    """Who speaks in one session: chance, register, the facts that stay the same, and the slots' makers."""

    random: random.Random
    register: str
    facts: dict[str, str]
    slots: Mapping[str, Part]

    def fill(self, slot: str) -> str:
        """The session's fact of that name, else a fresh value. Raises ValueError for an unknown slot."""
        if slot in self.facts:
            return self.facts[slot]
        if slot not in self.slots:
            raise ValueError(f"Unknown slot {{{slot}}}: expected a fact or one of {', '.join(sorted(self.slots))}.")
        return self.slots[slot](self)


def compile_template(template: str, endings: Endings) -> Part:
    """The function that speaks `template`. Raises ValueError for a bad bracket, ending or particle."""
    parts, end = _parse_choices(template, 0, endings, depth=0)
    if end != len(template):
        raise ValueError(f"Unbalanced template: a bracket too many at character {end} of {template!r}.")
    return parts


def choose(parts: Sequence[Part]) -> Part:
    """A part that speaks one of `parts`, each as often."""
    if len(parts) == 1:
        return parts[0]
    count = len(parts)
    return lambda voice: parts[int(voice.random.random() * count)](voice)


def _parse_choices(template: str, start: int, endings: Endings, *, depth: int) -> tuple[Part, int]:
    options: list[Part] = []
    sequence: list[Part] = []
    position = start
    while match := _TOKEN.search(template, position):
        _append_literal(sequence, template[position : match.start()])
        position = match.end()
        if match[5] == "(":
            part, position = _parse_choices(template, position, endings, depth=depth + 1)
            sequence.append(part)
        elif match[5] and depth:
            options.append(_join(sequence))
            sequence = []
            if match[5] != "|":
                return _with_particle(choose(options), match[6]), position
        elif match[5]:
            return _join(sequence), match.start()
        else:
            sequence.append(_compile_token(match, endings))
    if depth:
        raise ValueError(f"Unbalanced template: a bracket stays open in {template!r}.")
    _append_literal(sequence, template[position:])
    return _join(sequence), len(template)


def _append_literal(sequence: list[Part], text: str) -> None:
    if set(text) & set("{}[]"):
        raise ValueError(f"Bad template: expected {{slot}}, {{slot:particle}} or [stem:ending], received {text!r}.")
    if text:
        sequence.append(lambda _: text)


def _join(sequence: list[Part]) -> Part:
    parts = tuple(sequence)
    if len(parts) == 1:
        return parts[0]
    return lambda voice: "".join([part(voice) for part in parts])


def _compile_token(match: "re.Match[str]", endings: Endings) -> Part:
    if match[1]:
        return _compile_slot(match[1], match[2])
    return _compile_verb(match[3], match[4], endings)


def _compile_slot(slot: str, particle: str | None) -> Part:
    return _with_particle(lambda voice: voice.fill(slot), particle)


def _with_particle(part: Part, particle: str | None) -> Part:
    if particle is None:
        return part
    if particle not in FORMS:
        raise ValueError(f"Unknown particle {particle!r}: expected one of {', '.join(FORMS)}.")

    def speak(voice: Voice) -> str:
        word = part(voice)
        if particle in _DROPPABLE and voice.random.random() < _DROPPED_PARTICLE[voice.register]:
            return word
        return attach_particle(word, particle)

    return speak


def _compile_verb(stem: str, kind: str, endings: Endings) -> Part:
    if kind not in endings:
        raise ValueError(f"Unknown ending in [{stem}:{kind}]: expected one of {', '.join(sorted(endings))}.")
    forms = {register: [conjugate(stem, ending) for ending in endings[kind][register]] for register in REGISTERS}

    def speak(voice: Voice) -> str:
        options = forms[voice.register]
        return options[int(voice.random.random() * len(options))]

    return speak
