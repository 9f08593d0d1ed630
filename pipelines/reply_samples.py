"""A page of suggestions that a reader of Korean can judge."""

from collections.abc import Sequence

from markupsafe import Markup

from pipelines.reply_measurement import Suggested

_SHOWN = 100
_PAGE = Markup("""<!doctype html>
<html lang="ko">
<meta charset="utf-8">
<title>Suggested replies</title>
<style>
body {{ font-family: sans-serif; margin: 2em }}
td, th {{ border-bottom: 1px solid #ccc; padding: 0.4em 1em; text-align: left; vertical-align: top }}
small {{ color: #777 }}
</style>
<h1>Suggested replies</h1>
<p>{shown} of {count} held-out questions, in the order of their hash; {suggested} of all get suggestions.</p>
<table>
<tr><th>asked<th>answered<th colspan="3">suggested
{rows}
</table>
""")


def render_samples(suggested: Sequence[Suggested]) -> str:
    """The page, of clean and masked texts; what people said is escaped."""
    shown = suggested[:_SHOWN]
    rows = Markup("\n").join(_render_row(one) for one in shown)
    given = sum(bool(one.replies) for one in suggested)
    return str(_PAGE.format(shown=len(shown), count=len(suggested), suggested=given, rows=rows))


def _render_row(one: Suggested) -> Markup:
    cells = [
        Markup("<td>{} <small>{}</small>").format(reply.text, "" if reply.polarity == "neutral" else reply.polarity)
        for reply in one.replies
    ] or [Markup('<td colspan="3"><small>none: {:.3f}</small>').format(one.best)]
    return Markup("<tr><td>{}<td>{}{}").format(one.asked, one.answered, Markup("").join(cells))
