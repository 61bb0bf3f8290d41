"""Somebody who goes through a page by the Tab key alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from playwright.sync_api import Page

# What Tab must come to: whatever can be pressed or filled in and is drawn; of a group of radios the
# chosen one, or the first. A side column stands first in the page and second on a desk, on purpose.
WATCH = """() => {
  document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex')
  const look = e => { const s = getComputedStyle(e), label = e.nextElementSibling
      && getComputedStyle(e.nextElementSibling, '::before'), inside = e.firstElementChild
      && getComputedStyle(e.firstElementChild)
    return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.backgroundColor,
      s.borderColor, s.color, inside && inside.boxShadow, inside && inside.backgroundColor,
      label && label.boxShadow, label && label.borderColor].join() }
  const drawn = [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, iframe, [tabindex], [contenteditable]')]
    .filter(e => e.tabIndex >= 0 && !e.disabled && e.type !== 'hidden' && e.checkVisibility(
      { visibilityProperty: true }))
  const together = (a, b) => b.type === 'radio' && b.name === a.name && b.form === a.form
  const wanted = drawn.filter((e, i) => e.type !== 'radio' || e.checked ||
    !drawn.some((o, j) => together(e, o) && (o.checked || j < i)))
  const before = new Map(wanted.map(e => [e, look(e)])), place = e => {
    const box = e.getBoundingClientRect()
    return { name: e.outerHTML.slice(0, 160), top: box.top + scrollY, bottom: box.bottom + scrollY,
      left: box.left, right: box.right,
      column: e.closest('.app-split__side, .app-split__main, .app-split__rest')?.className || '' } }
  const walk = window.walk = { wanted, came: new Set(), steps: [], place }
  document.addEventListener('focusin', ({ target }) => { walk.came.add(target)
    walk.steps.push({ ...place(target), seen: before.get(target) !== look(target) }) })
  return wanted.length
}"""
WALKED = """() => ({ steps: walk.steps,
  missed: walk.wanted.filter(e => !walk.came.has(e)).map(e => e.outerHTML.slice(0, 160)) })"""
WRITTEN = "() => walk.wanted.map(walk.place)"


def keyboard_faults(page: Page) -> list[str]:
    """What stands in the way of somebody who only has a Tab key: what it never comes to, what
    doesn't look different when it is there, and steps back up the page or back along a line."""
    many = int(page.evaluate(WATCH))
    for _ in range(many):
        page.keyboard.press("Tab")
    walked: dict[str, Any] = page.evaluate(WALKED)
    found = [f"Tab never comes to {name}" for name in walked["missed"]]
    found += [f"nothing shows that Tab is at {s['name']}" for s in walked["steps"] if not s["seen"]]
    return found + _steps_back(walked["steps"])


def order_faults(page: Page) -> list[str]:
    """Of these the steps back alone, as they stand in the page, without a key pressed."""
    page.evaluate(WATCH)
    return _steps_back(page.evaluate(WRITTEN))


def _steps_back(steps: list[dict[str, Any]]) -> list[str]:
    return [
        f"Tab goes back from {one['name']} to {then['name']}"
        for one, then in pairwise(steps)
        if one["column"] == then["column"] and _back(one, then)
    ]


def _back(one: dict[str, float], then: dict[str, float]) -> bool:
    """Whether the second stands before the first for somebody who reads: above it in the same
    column, or to the left of it in the same line."""
    across = min(one["right"], then["right"]) - max(one["left"], then["left"])
    down = min(one["bottom"], then["bottom"]) - max(one["top"], then["top"])
    low = min(one["bottom"] - one["top"], then["bottom"] - then["top"])
    above = across > 0 and then["bottom"] <= one["top"] + 1
    return above or (down > low / 2 and then["right"] <= one["left"] + 1)
