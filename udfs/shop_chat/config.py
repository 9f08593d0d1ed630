"""Settings of the synthetic shop chat: what is said, and how dirty the log is. Rates are shares, 0 to 1."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class NoiseConfig:
    """How often real chat's dirt occurs: a share of customer messages before the register's factor."""

    typo: float = 0.06  # one dubeolsik typing mistake
    no_spaces: float = 0.03  # all blanks left out
    missing_spaces: float = 0.15  # some blanks left out
    wrong_spaces: float = 0.02  # a blank inside a word
    punctuation_run: float = 0.07  # "??", "!!!", "..."
    laughter: float = 0.07  # ㅋㅋ, ㅎㅎ
    tears: float = 0.05  # ㅠㅠ
    emoji: float = 0.05  # 😊, ^^
    contact: float = 0.05  # fake personal data behind what is said
    link: float = 0.01  # a URL
    html: float = 0.01  # remains of HTML
    full_width: float = 0.01  # full-width digits
    invisible: float = 0.004  # zero-width characters
    decomposed: float = 0.004  # NFD, as macOS and iOS clients send it
    vague: float = 0.03  # says only what the context explains: several intents fit
    unnamed: float = 0.02  # leaves out the category that tells a finer intent
    label: float = 0.01  # a wrong label
    unlabelled: float = 0.02  # no label
    short: float = 0.02  # a turn like "ㅇㅇ" or "?", unlabelled
    foreign: float = 0.006  # a turn that is not Korean, unlabelled
    attachment: float = 0.02  # "사진을 보냈습니다." in the customer's name, unlabelled
    resent: float = 0.012  # the same text sent again as a new message
    resent_changed: float = 0.012  # sent again with a small change: a near duplicate
    repeated_line: float = 0.004  # of all lines: the same line twice, with the same message_id
    system: float = 0.35  # of sessions: announcements of the chat system
    broken: float = 0.003  # of all lines: rows no reader can use; the first block has one of each kind


@dataclass(frozen=True)
class ChatConfig:
    """A shop's chats. The same values give the same bytes."""

    seed: int = 20260501
    intents: int = 60  # 2 to 450: 60 written ones, the rest splits them by product, channel, means or reason
    bots: tuple[str, ...] = ("maru", "onda", "gyeol")
    long_text_chars: int = 400_000  # of the broken row "long text": 1.2 MB in UTF-8
    noise: NoiseConfig = field(default_factory=NoiseConfig)
