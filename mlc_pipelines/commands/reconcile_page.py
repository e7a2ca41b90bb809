"""The month-end match as a page that a controller can read, print and file; it needs nothing but itself."""

from datetime import datetime
from decimal import Decimal
from html import escape

from mlc_pipelines.commands.output import money
from mlc_pipelines.flows.reconciling import Match, Reconciliation

_STYLE = """
body{font:14px/1.5 system-ui,sans-serif;color:#1c2733;max-width:62rem;margin:2.5rem auto;padding:0 1.5rem}
h1{font-size:1.5rem;margin:0}p.sub{color:#5b6b7b;margin:.2rem 0 1.6rem}
table{border-collapse:collapse;width:100%;margin:.6rem 0 2rem}
th{font-weight:600;text-align:left;border-bottom:2px solid #1c2733;padding:.4rem .5rem}
td{border-bottom:1px solid #dde4ea;padding:.4rem .5rem;vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.verdict{padding:.7rem 1rem;border-radius:6px;font-weight:600;margin:0 0 1.6rem}
.good{background:#e3f4e8;color:#14532d}.bad{background:#fdeaea;color:#7f1d1d}
.bar{display:flex;height:.9rem;border-radius:4px;overflow:hidden;background:#eef2f5;min-width:10rem}
.target{background:#2f6fb3}.held{background:#d99a2b}.ignored{background:#9aa7b3}.under_way{background:#7ab8d9}
.key span{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin:0 .35rem 0 1rem;vertical-align:-1px}
footer{color:#5b6b7b;border-top:1px solid #dde4ea;padding-top:.8rem;margin-top:2rem}
.sign{display:flex;gap:3rem;margin-top:3rem}.sign div{border-top:1px solid #1c2733;flex:1;padding-top:.3rem}
@media print{body{margin:0}}
"""
_PLACES = (("target", "in {title}"), ("held", "held"), ("ignored", "ignored"), ("under_way", "under way"))


def page(result: Reconciliation, title: str, made_at: datetime) -> str:
    """Write the page; `title` is the spend system's name."""
    verdict = (
        "Matched to the cent, document by document." if result.matched else "Does not match: see the differences below."
    )
    names = [(place, name.format(title=title)) for place, name in _PLACES]
    heads = "".join(f'<th class="n">{escape(name.capitalize())}</th>' for _, name in names)
    rows = "".join(_row(match, names) for match in result.matches)
    key = "".join(f'<span class="{place}"></span>{escape(name)}' for place, name in names)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Month-end match {escape(result.connection)}</title>
<style>{_STYLE}</style></head><body>
<h1>Month-end match: IFS Cloud and {escape(title)}</h1>
<p class="sub">{escape(result.connection)} · documents dated {result.first} to {result.last} · made {made_at:%Y-%m-%d %H:%M} UTC</p>
<p class="verdict {"good" if result.matched else "bad"}">{verdict}</p>
<table><tr><th>Company</th><th>Currency</th><th class="n">Documents</th><th class="n">In IFS</th>{heads}
<th class="n">Difference</th></tr>{rows}</table>
<h2>Where the documents are</h2><p class="key">{key}</p>
<table>{"".join(_bar(match, names) for match in result.matches)}</table>
{_differences(result, title)}
<footer>IFS = {escape(title)} + held + ignored + under way. Amounts in the currency of the documents, tax included.</footer>
<div class="sign"><div>Prepared by, date</div><div>Reviewed by, date</div></div>
</body></html>
"""


def _row(match: Match, names: list[tuple[str, str]]) -> str:
    cells = "".join(f'<td class="n">{_money(match.sums.get(place), match.currency)}</td>' for place, _ in names)
    return (
        f'<tr><td>{escape(match.company)}</td><td>{escape(match.currency)}</td><td class="n">{match.counts.get("source", 0)}</td>'
        f'<td class="n">{_money(match.sums.get("source"), match.currency)}</td>{cells}<td class="n">{_money(match.difference, match.currency)}</td></tr>'
    )


def _bar(match: Match, names: list[tuple[str, str]]) -> str:
    whole = sum(match.counts.get(place, 0) for place, _ in names) or 1
    parts = "".join(
        f'<div class="{place}" style="width:{100 * match.counts.get(place, 0) / whole:.2f}%" title="{match.counts.get(place, 0)} {escape(name)}"></div>'
        for place, name in names
    )
    return f'<tr><td style="width:8rem">{escape(match.company)} {escape(match.currency)}</td><td><div class="bar">{parts}</div></td></tr>'


def _differences(result: Reconciliation, title: str) -> str:
    if not result.differences:
        return ""
    rows = "".join(
        f"<tr><td>{escape(d.company)}</td><td>{escape(d.label)}</td><td>{escape(d.partner)}</td><td>{escape(d.currency)}</td>"
        f'<td class="n">{_money(d.source, d.currency)}</td><td class="n">{_money(d.target, d.currency)}</td><td>{escape(d.what)}</td></tr>'
        for d in result.differences
    )
    heads = f'<th>Company</th><th>Document</th><th>Supplier</th><th>Currency</th><th class="n">IFS</th><th class="n">{escape(title)}</th><th>What</th>'
    return f"<h2>Differences</h2><table><tr>{heads}</tr>{rows}</table>"


def _money(amount: Decimal | None, currency: str) -> str:
    return money(amount, currency) or "-"
