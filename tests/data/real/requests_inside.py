"""`requests` told by environment alone: HTTPS_PROXY and REQUESTS_CA_BUNDLE."""

import json
import os

import requests

url = os.environ["BENCH_URL"]
with requests.Session() as session:
    got = session.get(url + "/hello", timeout=60)
    posted = session.post(url + "/echo", data="a=1", timeout=60)
    blocked = session.post(
        url + "/echo", data="a=1", headers={"X-Data-Class": "health"}, timeout=60
    )
print(
    json.dumps(
        {
            "got": [got.status_code, got.text],
            "posted": [posted.status_code, posted.text],
            "blocked": [blocked.status_code, blocked.json()["rule"]],
        }
    )
)
