"""`httpx`: many requests at a time on one connection of HTTP/2."""

import asyncio
import json
import os

import httpx

url = os.environ["BENCH_URL"]


async def main():
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(http2=True, timeout=60, limits=limits) as client:
        asked = (client.post(url + "/echo", content=str(n) * n) for n in range(300))
        answers = await asyncio.gather(*asked)
    whole = [answer.text == str(n) * n for n, answer in enumerate(answers)]
    versions = {answer.http_version for answer in answers}
    print(json.dumps({"whole": sum(whole), "versions": [*versions]}))


asyncio.run(main())
