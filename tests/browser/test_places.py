"""What plays goes on, and a map stays where a person moved it, while the server is killed."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Route, expect

from .server import Server
from .tab import Tab, Visitor
from .test_in_place import back, errors, is_same_document, open_page, restart

WATCH_VIDEO = """async () => {
    const video = document.querySelector('[data-testid=video]');
    video.playbackRate = 0.1;  // ten minutes
    window.heard = [];
    for (const type of ['emptied', 'ended', 'loadstart', 'pause', 'seeking', 'stalled']) {
        video.addEventListener(type, () => window.heard.push(type));
    }
    await video.play();
    window.video = video;
}"""
"""Plays the video, and notes all that would interrupt it."""

PLAYS_ON = """after => {
    const video = document.querySelector('[data-testid=video]');
    return video === window.video && !video.paused && video.currentTime > after;
}"""

MAP = """() => {
    const map = getElement(Number(document.querySelector('.at-map').id.slice(1)))?.map;
    const layers = [];
    map?.eachLayer((layer) => layers.push(layer));
    const markers = layers.filter((layer) => layer.id && layer.getLatLng);
    const tiles = layers.filter((layer) => layer.id && layer.getTileSize);
    // whoever looks waits until the map has its two layers
    return markers.length === 1 && tiles.length === 1 && (window.look = {
        isSame: map.isMarked === true,
        place: [map.getCenter().lat, map.getCenter().lng, map.getZoom()].map((each) => Number(each.toFixed(1))),
        marker: markers[0].getLatLng().lat,
        drawn: layers.filter((layer) => !layer.id && layer.getRadius).length,
    });
}"""
"""What the map shows, once it has each of its layers once."""

MOVE = """([lat, lng, zoom]) => {
    const { map } = getElement(Number(document.querySelector('.at-map').id.slice(1)));
    map.isMarked = true;
    map.setView([lat, lng], zoom, { animate: false });
}"""
DRAW = """() => {
    const { map } = getElement(Number(document.querySelector('.at-map').id.slice(1)));
    L.circleMarker([12, 34]).addTo(map);
}"""


async def travel(visitor: Visitor, server: Server) -> Tab:
    """Open the page, with a map of nothing, and return when it has its layers."""

    async def nothing(route: Route) -> None:
        await route.fulfill(body='<svg xmlns="http://www.w3.org/2000/svg"/>', content_type='image/svg+xml')

    await visitor.context.route('**/*.tile.osm.org/**', nothing)
    tab = await open_page(visitor, server.url)
    await tab.until(MAP)
    return tab


async def stands(tab: Tab, lat: float, lng: float, zoom: int) -> None:
    """Return when the server knows the place of the map."""
    await expect(tab.page.get_by_test_id('place')).to_have_text(f'{lat:.1f} {lng:.1f}')
    await expect(tab.page.get_by_test_id('zoom')).to_have_text(str(zoom))


async def test_a_map_stays_where_a_person_moved_it_and_has_each_layer_once(visitor: Visitor, folder: Path):
    async with Server('travelling.py', folder) as server:
        tab = await travel(visitor, server)
        await tab.page.evaluate(MOVE, [12, 34, 12])
        await stands(tab, 12, 34, 12)
        await tab.page.evaluate(DRAW)
        await restart(server, tab)
        await stands(tab, 12, 34, 12)
        look = await (await tab.until(MAP)).json_value()
        assert look == {'isSame': True, 'place': [12, 34, 12], 'marker': 47, 'drawn': 1}
        await tab.page.get_by_test_id('move').click()
        await tab.until(f'() => ({MAP})()?.marker === 1')
        client = await tab.client()
        await server.kill()
        await tab.disconnected()
        await tab.page.evaluate(MOVE, [-5, 6, 11])
        await server.start()
        await back(tab, client)
        await stands(tab, -5, 6, 11)
        look = await (await tab.until(MAP)).json_value()
        assert look == {'isSame': True, 'place': [-5, 6, 11], 'marker': 47, 'drawn': 1}
        await expect(tab.page.get_by_test_id('in-place')).to_have_text('True')
        assert await is_same_document(tab)
        assert errors(tab) == []


async def test_a_map_that_the_next_server_begins_elsewhere_is_made_anew(visitor: Visitor, folder: Path):
    async with Server('travelling.py', folder) as server:
        tab = await travel(visitor, server)
        await tab.page.evaluate(MOVE, [12, 34, 12])
        await stands(tab, 12, 34, 12)
        server.settings['build'] = 'new'
        await restart(server, tab)
        await stands(tab, 50, 10, 9)
        look = await (await tab.until(MAP)).json_value()
        assert look == {'isSame': False, 'place': [50, 10, 9], 'marker': 50, 'drawn': 0}
        assert await is_same_document(tab)
        assert errors(tab) == []


async def test_a_video_plays_on(visitor: Visitor, folder: Path):
    async with Server('travelling.py', folder) as server:
        tab = await travel(visitor, server)
        await tab.page.evaluate(WATCH_VIDEO)
        for _ in range(2):
            played = await tab.page.evaluate('window.video.currentTime')
            await restart(server, tab)
            await tab.until(PLAYS_ON, played)
        assert await tab.page.evaluate('window.heard') == []
        assert await is_same_document(tab)
