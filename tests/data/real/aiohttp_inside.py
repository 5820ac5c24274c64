"""`aiohttp` told by environment alone: HTTPS_PROXY and SSL_CERT_FILE; also its WebSocket."""

import asyncio
import json
import os

import aiohttp

URL = os.environ["BENCH_URL"]
TAGGED = {"X-Data-Class": "health"}


async def requests(session):
    async with session.get(URL + "/hello") as got:
        seen = {"got": [got.status, await got.text()]}
    async with session.post(URL + "/echo", data="a=1") as posted:
        seen["posted"] = [posted.status, await posted.text()]
    async with session.post(URL + "/echo", data="a=1", headers=TAGGED) as blocked:
        seen["blocked"] = [blocked.status, (await blocked.json(content_type=None))["rule"]]
    return seen


async def sockets(session):
    async with session.ws_connect(URL + "/chat", protocols=["chat"], compress=15) as socket:
        await socket.send_str("words")
        text = await socket.receive_str()
        await socket.send_bytes(bytes(range(256)) * 1024)
        octets = await socket.receive_bytes()
        seen = {
            "protocol": socket.protocol,
            "compressed": socket.compress > 0,
            "text": text,
            "octets": octets == bytes(range(256)) * 1024,
        }
    seen["code"] = socket.close_code
    try:
        await session.ws_connect(URL + "/chat", headers=TAGGED)
    except aiohttp.WSServerHandshakeError as error:
        seen["blocked"] = error.status
    return seen


async def main():
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(trust_env=True, timeout=timeout) as session:
        play = sockets if os.environ.get("BENCH_PLAY") == "sockets" else requests
        print(json.dumps(await play(session)))


asyncio.run(main())
