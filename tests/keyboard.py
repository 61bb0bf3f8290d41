"""Somebody who goes through a page by the Tab key alone."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

# What Tab must come to: what can be pressed or filled in and is drawn. Of a group of radios one.
WATCH = """() => {
  const look = e => { const s = getComputedStyle(e), label = e.nextElementSibling
      && getComputedStyle(e.nextElementSibling, '::before')
    return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.backgroundColor,
      s.borderColor, s.color, label && label.boxShadow, label && label.borderColor].join() }
  const all = [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, iframe, [tabindex], [contenteditable]')]
    .filter(e => e.tabIndex >= 0 && !e.disabled && e.type !== 'hidden' && e.checkVisibility(
      { checkOpacity: false, visibilityProperty: true }))
  const chosen = e => e.type !== 'radio' || e.checked || !all.some(o => o.type === 'radio' &&
    o.name === e.name && o.form === e.form && (o.checked || all.indexOf(o) < all.indexOf(e)))
  const wanted = all.filter(chosen)
  const walk = { wanted, before: new Map(wanted.map(e => [e, look(e)])), steps: [] }
  document.addEventListener('focusin', event => { const e = event.target, box =
      e.getBoundingClientRect(), about = (e.labels && e.labels[0]) || e
    walk.steps.push({ e, seen: walk.before.get(e) !== look(e), name: e.outerHTML.slice(0, 160),
      top: box.top + scrollY, bottom: box.bottom + scrollY, left: box.left, right: box.right,
      side: e.closest('.app-split__side, .app-split__main')?.className || '' }) })
  document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex')
  window.__walk = walk
  return wanted.length
}"""
WALKED = """() => { const walk = window.__walk, came = new Set(walk.steps.map(s => s.e))
  return { missed: walk.wanted.filter(e => !came.has(e)).map(e => e.outerHTML.slice(0, 160)),
    steps: walk.steps.map(({ e, ...said }) => said) } }"""


def keyboard_faults(page: Page) -> list[str]:
    """What stands in the way of somebody who only has a Tab key: what it never comes to, what
    doesn't look different when it is there, and steps back up the page or back along a line."""
    many = int(page.evaluate(WATCH))
    for _ in range(many + 1):
        page.keyboard.press("Tab")
    walked: dict[str, Any] = page.evaluate(WALKED)
    steps = walked["steps"][:many]
    found = [f"Tab never comes to {name}" for name in walked["missed"]]
    found += [f"nothing shows that Tab is at {s['name']}" for s in steps if not s["seen"]]
    for one, then in zip(steps, steps[1:], strict=False):
        if one["side"] == then["side"] and _back(one, then):
            found.append(f"Tab goes back from {one['name']} to {then['name']}")
    return found


def _back(one: dict[str, float], then: dict[str, float]) -> bool:
    """Whether the second stands before the first for somebody who reads: above it in the same
    column, or to the left of it in the same line."""
    across = min(one["right"], then["right"]) - max(one["left"], then["left"])
    down = min(one["bottom"], then["bottom"]) - max(one["top"], then["top"])
    low = min(one["bottom"] - one["top"], then["bottom"] - then["top"])
    above = across > 0 and then["bottom"] <= one["top"] + 1
    return above or (down > low / 2 and then["right"] <= one["left"] + 1)
