"""The cashier's pages: Chinese first, English beside it, no script, their style in a file of its own.

One frame in three dresses: the sandbox's own, and what a member's phone shows with WeChat Pay and with Alipay. Each says
that it is a sandbox; none wears the channels' marks.
"""

from __future__ import annotations

from html import escape

from linli.sandbox_gateway.book import Payment

CSS = """
:root{color-scheme:light dark;--bg:#f2f4f1;--surface:#fff;--line:#e3e7e1;--ink:#1a201c;--ink-2:#525c55;--ink-3:#636d66;
--brand:#0f7a4a;--brand-strong:#0a5f39;--brand-soft:#e2f3e9;--on-brand:#fff;--info:#1d5fc4;--warn:#8a5200;--warn-soft:#fff1d6;
--shadow:0 1px 2px rgb(20 40 28/.06),0 0 0 .5px rgb(20 40 28/.04);
--sans:-apple-system,BlinkMacSystemFont,"PingFang SC","HarmonyOS Sans SC",MiSans,"Microsoft YaHei UI","Noto Sans CJK SC",sans-serif}
@media(prefers-color-scheme:dark){:root{--bg:#0f1311;--surface:#191e1b;--line:#2d3530;--ink:#eaf0ec;--ink-2:#b4beb7;--ink-3:#929d96;
--brand:#4fc48c;--brand-strong:#78d8a8;--brand-soft:#163527;--on-brand:#06241a;--info:#82b1ff;--warn:#f0b44c;--warn-soft:#352812;
--shadow:0 0 0 1px #262d29}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;min-height:100dvh;background:var(--bg);color:var(--ink);font:15px/1.5 var(--sans);
display:flex;flex-direction:column}
header,main,footer{width:100%;max-width:440px;margin:0 auto;padding:0 16px}
header{display:flex;align-items:center;justify-content:space-between;height:56px;font-weight:600}
.tag{font-size:12px;font-weight:400;color:var(--warn);background:var(--warn-soft);border-radius:999px;padding:2px 10px}
.card{background:var(--surface);border-radius:14px;box-shadow:var(--shadow);padding:24px 16px;text-align:center}
.card p{margin:0;color:var(--ink-2)}h1{font-size:17px;line-height:1.35;margin:0 0 4px;font-weight:600}
.card .amount{color:var(--ink);font-size:40px;line-height:1.2;font-weight:700;margin:12px 0 4px;
font-variant-numeric:tabular-nums lining-nums}
.mark{width:56px;height:56px;margin:0 auto 12px;border-radius:50%;background:var(--brand-soft);color:var(--brand);display:grid;
place-items:center}
dl{margin:24px 0 0;border-top:1px solid var(--line);padding-top:16px;display:grid;grid-template-columns:auto 1fr;
gap:8px 16px;font-size:13px}
dt{color:var(--ink-3);text-align:left}dd{margin:0;text-align:right;overflow-wrap:anywhere}
form{margin:16px 0 0}button,.button{display:block;width:100%;min-height:50px;border:0;border-radius:10px;font:600 17px/50px var(--sans);
text-align:center;text-decoration:none;cursor:pointer;background:var(--brand);color:var(--on-brand)}
button:hover,.button:hover{background:var(--brand-strong)}button small,.button small{font-size:13px;font-weight:400;margin-left:6px}
.hint{font-size:13px;color:var(--ink-3);text-align:center}
.plain{background:none;color:var(--ink-2);font-weight:400;font-size:15px;line-height:44px;min-height:44px}
.plain:hover{background:none;color:var(--ink)}
:focus-visible{outline:2px solid var(--info);outline-offset:2px}
.wechat{--brand:#067a43;--brand-strong:#056337;--brand-soft:#e1f5ea}.alipay{--brand:#0f62c4;--brand-strong:#0b4d9c;--brand-soft:#e5effc}
@media(prefers-color-scheme:dark){.wechat{--brand:#3fcf86;--brand-strong:#6bdda2;--brand-soft:#12331f;--on-brand:#04240f}
.alipay{--brand:#7db3ff;--brand-strong:#a3caff;--brand-soft:#16294a;--on-brand:#041c3d}}
header .who{display:flex;align-items:center;gap:8px}.who i{width:26px;height:26px;border-radius:8px;background:var(--brand);
color:var(--on-brand);display:grid;place-items:center;font-style:normal;font-size:14px;font-weight:700}
.pay-with{display:flex;align-items:center;gap:12px;margin:12px 0 0;padding:14px 16px;background:var(--surface);border-radius:14px;
box-shadow:var(--shadow);font-size:15px}.pay-with b{font-weight:600}.pay-with>span:last-child{margin-left:auto;color:var(--brand)}
.pay-with small{display:block;color:var(--ink-3);font-size:12px}
footer{margin-top:auto;padding:24px 16px;font-size:12px;color:var(--ink-3);text-align:center}
"""

_TICK = (
    '<svg width="28" height="28" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round"'
    ' stroke-linejoin="round" aria-hidden="true"><path d="M5 12.5l4.5 4.5L19 7.5"/></svg>'
)


_TICK_SMALL = (
    _TICK.replace('width="28" height="28"', 'width="20" height="20"').replace("<svg", "<span><svg").replace("</svg>", "</svg></span>")
)
_SYMBOLS = {"CNY": "¥", "USD": "$"}


def _amount(p: Payment) -> str:
    """`4990, "CNY"` as "¥49.90" (both currencies have two decimals)."""
    return f"{_SYMBOLS.get(p.currency, p.currency + ' ')}{p.amount_minor // 100:,}.{p.amount_minor % 100:02d}"


_NAMES = {"sandbox": ("收银台", "Cashier", "¥"), "wechat": ("微信支付", "WeChat Pay", "微"), "alipay": ("支付宝", "Alipay", "支")}
_PURSES = {"sandbox": ("沙盒账户", "Sandbox account"), "wechat": ("零钱", "Balance"), "alipay": ("账户余额", "Account balance")}


def _frame(title: str, body: str, channel: str = "sandbox") -> bytes:
    zh, en, mark = _NAMES[channel]
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title><link rel="stylesheet" href="/cashier.css"></head>'
        f'<body class="{channel}"><header><span class="who"><i aria-hidden="true">{mark}</i>'
        f'<span>{zh} <span lang="en">{en}</span></span></span>'
        '<span class="tag">沙盒<span lang="en"> sandbox</span></span></header>'
        f"<main>{body}</main>"
        "<footer>沙盒支付，不动用真实的钱，也不是真的"
        f'{zh}。<br><span lang="en">Sandbox payments move no real money; this is not the real {en}.</span></footer></body></html>'
    ).encode()


def _facts(p: Payment) -> str:
    return (
        '<dl><dt>收款方 <span lang="en">Merchant</span></dt><dd>邻里 Linli</dd>'
        f'<dt>商品 <span lang="en">For</span></dt><dd>{escape(p.title)}</dd>'
        f'<dt>单号 <span lang="en">Number</span></dt><dd>{escape(p.out_trade_no[-12:])}</dd></dl>'
    )


def cashier(p: Payment, back_to: str = "") -> bytes:
    """Pay or go back, or what the payment has come to. `back_to` is where the shop is, when its page isn't the payment's own."""
    amount, back_url = escape(_amount(p)), p.return_url or back_to
    back = f'<p><a class="button" href="{escape(back_url)}">回到订单<small lang="en">Back to the order</small></a></p>' if back_url else ""
    hint = (
        "" if back_url else '<p class="hint">可以关掉这一页，电脑上的订单会自己变。<br><span lang="en">You can close this page.</span></p>'
    )
    if p.state == "paid":
        done = f'<div class="mark">{_TICK}</div><h1>已付款</h1><p lang="en">Paid</p><p class="amount">{amount}</p>'
        return _frame("已付款", f'<section class="card">{done}{_facts(p)}</section>{back}{hint}', p.channel)
    if p.state == "closed":
        over = '<h1>这笔付款已关闭</h1><p lang="en">This payment was closed. Start again from the order.</p>'
        return _frame("付款已关闭", f'<section class="card">{over}{_facts(p)}</section>{back}', p.channel)
    ask = f'<h1>向邻里付款</h1><p lang="en">Pay Linli</p><p class="amount">{amount}</p>'
    zh, en = _PURSES[p.channel]
    purse = (
        '<div class="pay-with"><span><small>付款方式 <span lang="en">Pay with</span></small>'
        f'<b>{zh} <span lang="en">{en}</span></b></span>{_TICK_SMALL}</div>'
    )
    hidden = f'<input type="hidden" name="back" value="{escape(back_to)}">' if back_to else ""
    return _frame(
        f"付款 {_amount(p)}",
        f'<section class="card">{ask}{_facts(p)}</section>{purse}'
        f'<form method="post" action="/cashier/{p.token}/pay">{hidden}<button>付款<small lang="en">Pay</small></button></form>'
        f'<form method="post" action="/cashier/{p.token}/cancel">{hidden}'
        '<button class="plain">暂不付款<small lang="en">Not now</small></button></form>',
        p.channel,
    )


def missing() -> bytes:
    """No such page."""
    return _frame("没有这笔付款", '<section class="card"><h1>没有这笔付款</h1><p lang="en">There is no such payment.</p></section>')
