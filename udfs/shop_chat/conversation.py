"""A session between a customer and the shop's agent: who says what, with which intent, in answer to what."""

import random
from bisect import bisect
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache

from udfs.shop_chat.catalogue import CATEGORY, GENERIC, Label, business_weights, choose_labels, load_catalogue
from udfs.shop_chat.config import ChatConfig
from udfs.shop_chat.noise import change_slightly, decorate, encode_oddly, roughen
from udfs.shop_chat.speech import speak
from udfs.shop_chat.templates import Voice

_REGISTERS = ("polite",) * 9 + ("formal",) * 3 + ("casual",) * 3 + ("chat",) * 5
_CUSTOMER, _AGENT, _SYSTEM = "customer", "agent", "system"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a session. `reply_to` is the index of the turn that it answers."""

    speaker: str
    text: str
    intent: str | None = None
    reply_to: int | None = None


@dataclass
class Session:
    """What a session knows while it goes on: settings, customer's voice, product, the turns so far."""

    config: ChatConfig
    voice: Voice
    product: tuple[str, str]  # category, word
    turns: list[Turn] = field(default_factory=list)


def hold_conversation(config: ChatConfig, day: date, draw: random.Random) -> tuple[str, list[Turn]]:
    """The bot and the turns of one session: greeting, one to three matters, farewell. `draw` decides all."""
    session = _open_session(config, day, draw)
    announced = draw.random() < config.noise.system
    if announced:
        _announce(session, "opened")
    if draw.random() < 0.25:
        _small_talk(session, "greet")
    for _ in range(1 + (draw.random() < 0.55) + (draw.random() < 0.25)):
        _settle_matter(session, _draw_label(session))
    if draw.random() < 0.25:
        _small_talk(session, "thank")
    if announced:
        _announce(session, "closed")
    return session.voice.facts["bot"], session.turns


def ask_alone(label: Label, bot: str, config: ChatConfig, day: date, draw: random.Random) -> str:
    """What a customer of the bot's shop says for `label`, with the dirt of chat, outside of any conversation."""
    session = _open_session(replace(config, bots=(bot,)), day, draw)
    clean = speak(label, session.voice, load_catalogue(), config.noise, product=session.product)
    has_contact = label.intent.domain != "talk" and draw.random() < config.noise.contact
    return _soil(session, clean, _mood_of(label), has_contact=has_contact)


def _open_session(config: ChatConfig, day: date, draw: random.Random) -> Session:
    catalogue = load_catalogue()
    shops = catalogue.lists["shops"]
    bot = draw.choice(config.bots)
    shop = shops[config.bots.index(bot) % len(shops)]
    facts = {"today": day.isoformat(), CATEGORY: GENERIC, "product": "상품", "bot": bot, "shop": shop}
    voice = Voice(draw, draw.choice(_REGISTERS), facts, catalogue.slots)
    category = draw.choice(list(catalogue.products)[1:])
    return Session(config, voice, (category, draw.choice(catalogue.products[category]["products"])))


def _settle_matter(session: Session, label: Label) -> None:
    chance = session.voice.random.random
    asked = _ask(session, label)
    if chance() < 0.12:
        _say(session, _AGENT, load_catalogue().flavour["agent_asks"](_agent_of(session)), reply_to=asked)
        asked = _small_talk(session, "give_information", answered=False)
    _answer(session, label, asked)
    if chance() < 0.06:
        _small_talk(session, "complain_service")
    if chance() < 0.04:
        _small_talk(session, "ask_for_human")


def _draw_label(session: Session) -> Label:
    draw = session.voice.random
    labels, cumulative = business_weights(session.config.intents)
    label = labels[bisect(cumulative, draw.random() * cumulative[-1], hi=len(labels) - 1)]
    named = label.intent.facet == CATEGORY and label.values[0] != GENERIC and label.values[0] != session.product[0]
    if named:
        category = label.values[0]
        session.product = category, draw.choice(load_catalogue().products[category]["products"])
    return label


def _small_talk(session: Session, intent: str, *, answered: bool = True) -> int:
    """The index of the customer's turn; of the last turn when this run has no such intent."""
    options = _labels_by_intent(session.config.intents).get(intent)
    if not options:
        return len(session.turns) - 1
    label = session.voice.random.choice(options)
    asked = _ask(session, label)
    if answered:
        _answer(session, label, asked)
    return asked


def _ask(session: Session, label: Label) -> int:
    """The customer's turns about `label`; the index of the one that carries it."""
    noise, draw, catalogue = session.config.noise, session.voice.random, load_catalogue()
    if draw.random() < noise.short:
        _say(session, _CUSTOMER, draw.choice(catalogue.lists["short"]))
    if draw.random() < noise.attachment:
        _say(session, _CUSTOMER, draw.choice(catalogue.lists["attached"]))
    if draw.random() < noise.foreign:
        _say(session, _CUSTOMER, catalogue.flavour["foreign"](session.voice))
    clean = speak(label, session.voice, catalogue, noise, product=session.product)
    has_contact = label.intent.domain != "talk" and draw.random() < noise.contact
    text = _soil(session, clean, _mood_of(label), has_contact=has_contact)
    intent = _labelled(session, label.name)
    at = _say(session, _CUSTOMER, text, intent=intent)
    if draw.random() < noise.resent:
        _say(session, _CUSTOMER, text, intent=intent)
    if draw.random() < noise.resent_changed:
        _say(session, _CUSTOMER, change_slightly(text, draw), intent=intent)
    return at


def _soil(session: Session, text: str, mood: str, *, has_contact: bool) -> str:
    noise, voice = session.config.noise, session.voice
    text = roughen(text, voice.register, noise, voice.random)
    if has_contact:
        text += voice.fill("contacts")
    if voice.random.random() < noise.link:
        text += load_catalogue().flavour["links"](voice)
    text = decorate(text, voice.register, mood, noise, voice.random)
    return encode_oddly(text, noise, voice.random)


def _mood_of(label: Label) -> str:
    if label.intent.name == "thank":
        return "glad"
    return "upset" if label.intent.name.startswith(("report_", "complain_")) else "calm"


def _labelled(session: Session, name: str) -> str | None:
    noise, draw = session.config.noise, session.voice.random
    chance = draw.random()
    if chance < noise.unlabelled:
        return None
    if chance < noise.unlabelled + noise.label:
        return draw.choice(choose_labels(session.config.intents)).name
    return name


def _answer(session: Session, label: Label, asked: int) -> None:
    flavour, voice = load_catalogue().flavour, _agent_of(session)
    text = label.intent.answer(voice)
    if label.intent.domain != "talk":
        text = flavour["agent_openers"](voice) + text + flavour["agent_closers"](voice)
    _say(session, _AGENT, text, reply_to=asked)


def _agent_of(session: Session) -> Voice:
    return replace(session.voice, register="formal")


def _announce(session: Session, occasion: str) -> None:
    _say(session, _SYSTEM, session.voice.random.choice(load_catalogue().lists[occasion]))


def _say(session: Session, speaker: str, text: str, *, intent: str | None = None, reply_to: int | None = None) -> int:
    session.turns.append(Turn(speaker, text, intent, reply_to))
    return len(session.turns) - 1


@cache
def _labels_by_intent(count: int) -> dict[str, list[Label]]:
    by_intent: dict[str, list[Label]] = {}
    for label in choose_labels(count):
        by_intent.setdefault(label.intent.name, []).append(label)
    return by_intent
