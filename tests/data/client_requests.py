"""What a program with `requests` sees through the proxy, as one JSON object."""

import json
import os

import requests

proxy = os.environ["BENCH_PROXY"]
with requests.Session() as session:
    session.trust_env = False
    session.proxies = {"http": proxy, "https": proxy}
    plain = session.get(os.environ["BENCH_PLAIN"], timeout=60)
    posted = session.post(os.environ["BENCH_PLAIN"], data="a=1", timeout=60)
    secure = session.get(os.environ["BENCH_SECURE"], verify=os.environ["BENCH_CA"], timeout=60)
    blocked = session.get(
        os.environ["BENCH_ABROAD"], headers={"X-Data-Class": "health"}, timeout=60
    )
print(
    json.dumps(
        {
            "plain": [plain.status_code, plain.text],
            "posted": [posted.status_code, posted.text],
            "secure": [secure.status_code, secure.text],
            "blocked": [blocked.status_code, blocked.json()["rule"]],
        }
    )
)
