"""What a person would see at a glance: whether all fits, nothing lies below the bar, and each text can be read."""

from __future__ import annotations

from typing import Any

from tests.browser.tab import Tab

FITS = """[document.scrollingElement, document.querySelector('.bar'), document.querySelector('.head-row')]
    .every(element => element.scrollWidth <= element.clientWidth)"""
TOO_WIDE = """() => {
    const scrolls = element => ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
    const isWithin = parent => parent && (scrolls(parent) || isWithin(parent.parentElement));
    const isInside = ({ parentElement }) => parentElement.closest('[aria-hidden=true]') || isWithin(parentElement);
    return [...document.querySelectorAll('body *')]
        .filter(element => element.getBoundingClientRect().right > innerWidth + 1 && !isInside(element))
        .map(element => `${element.tagName}.${element.className}`);
}"""
UNDER_THE_BAR = """() => {
    scrollTo(0, document.scrollingElement.scrollHeight);
    const bar = document.querySelector('.bar').getBoundingClientRect().top;
    return [...document.querySelectorAll('.content, .content > *')]
        .filter(element => element.getBoundingClientRect().bottom > bar + 1)
        .map(element => element.className);
}"""
HARD_TO_READ = """() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const known = new Map();
    const parse = text => {
        if (!known.has(text)) {
            canvas.clearRect(0, 0, 1, 1);
            canvas.fillStyle = text;
            canvas.fillRect(0, 0, 1, 1);
            const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
            known.set(text, [r, g, b, a / 255]);
        }
        return known.get(text);
    };
    const over = ([r, g, b, a], under) => [r, g, b].map((each, i) => each * a + under[i] * (1 - a));
    const behind = element => {
        const under = element.parentElement ? behind(element.parentElement) : [255, 255, 255];
        return over(parse(getComputedStyle(element).backgroundColor), under);
    };
    const opacity = element => element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1;
    const light = color => {
        const [r, g, b] = color.map(each => each / 255).map(
            each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode.textContent.trim();
        const element = texts.currentNode.parentElement;
        if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
        if (element.closest('.disabled, [disabled], script, style')) continue;
        const style = getComputedStyle(element);
        const under = behind(element);
        const [r, g, b, a] = parse(style.color);
        const lights = [light(over([r, g, b, a * opacity(element)], under)), light(under)].sort((x, y) => y - x);
        const ratio = (lights[0] + 0.05) / (lights[1] + 0.05);
        const size = parseFloat(style.fontSize);
        const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) || element.matches('.q-icon');
        if (ratio < (isLarge ? 3 : 4.5)) found.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
    return found;
}"""
"""Texts with less contrast than WCAG asks of level AA: 4.5, or 3 if they are large or an icon."""


async def fits(tab: Tab) -> None:
    """Return when nothing is cut off and nothing sticks out to the right, which is so once the fonts are there."""
    await tab.until(FITS)
    await none(tab, TOO_WIDE)


async def nothing_is_under_the_bar(tab: Tab) -> None:
    """Return when the end of the page can be scrolled to where the bar does not cover it."""
    await none(tab, UNDER_THE_BAR)


async def all_can_be_read(tab: Tab) -> None:
    """Return when every text has enough contrast, which is so once the colours have changed."""
    await none(tab, HARD_TO_READ)


async def none(tab: Tab, look: str) -> None:
    """Return when a look finds nothing; else say what it found last."""
    try:
        await tab.until(f'() => ({look})().length === 0')
    except TimeoutError as error:
        found: list[Any] = await tab.page.evaluate(look)
        raise AssertionError(f'still there: {found}') from error
