"""A page of suggested or written answers that a reader of Korean can judge."""

from collections.abc import Sequence

from markupsafe import Markup

from pipelines.reply_measurement import Suggested
from pipelines.seq2seq_measurement import Written

_SHOWN = 100
_PAGE = Markup("""<!doctype html>
<html lang="ko">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; margin: 2em }}
td, th {{ border-bottom: 1px solid #ccc; padding: 0.4em 1em; text-align: left; vertical-align: top }}
small {{ color: #777 }}
</style>
<h1>{title}</h1>
<p>{shown} of {count} held-out questions, in the order of their hash; {given} of all get {what}.</p>
<table>
<tr><th>asked<th>answered{heads}
{rows}
</table>
""")


def render_samples(suggested: Sequence[Suggested]) -> str:
    """The page, of clean and masked texts; what people said is escaped."""
    rows = [_render_row(one) for one in suggested[:_SHOWN]]
    given, heads = sum(bool(one.replies) for one in suggested), Markup('<th colspan="3">suggested')
    return _render("Suggested replies", rows, heads, count=len(suggested), given=given, what="suggestions")


def render_written(written: Sequence[Written]) -> str:
    """The page of what a network wrote, beside what the champion of the dual encoders would choose."""
    rows = [_render_written(one) for one in written[:_SHOWN]]
    given, heads = sum(bool(one.replies) for one in written), Markup("<th>written<th>chosen by the dual encoder")
    return _render("Written replies", rows, heads, count=len(written), given=given, what="an answer")


def _render(title: str, rows: Sequence[Markup], heads: Markup, *, count: int, given: int, what: str) -> str:
    lines = Markup("\n").join(rows)
    return str(_PAGE.format(title=title, shown=len(rows), count=count, given=given, what=what, heads=heads, rows=lines))


def _render_row(one: Suggested) -> Markup:
    cells = [
        Markup("<td>{} <small>{}</small>").format(reply.text, "" if reply.polarity == "neutral" else reply.polarity)
        for reply in one.replies
    ] or [Markup('<td colspan="3"><small>none: {:.3f}</small>').format(one.best)]
    return Markup("<tr><td>{}<td>{}{}").format(one.asked, one.answered, Markup("").join(cells))


def _render_written(one: Written) -> Markup:
    cells = [Markup("<br>").join(texts) or Markup("<small>none</small>") for texts in (one.replies, one.chosen)]
    return Markup("<tr><td>{}<td>{}<td>{}<td>{}").format(one.asked, one.answered, *cells)
