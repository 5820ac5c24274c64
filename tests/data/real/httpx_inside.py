"""`httpx` told by environment alone: HTTPS_PROXY and SSL_CERT_FILE; HTTP/2 where it is asked for."""

import json
import os

import httpx

url = os.environ["BENCH_URL"]
with httpx.Client(http2=os.environ["BENCH_HTTP"] == "2", timeout=60) as client:
    got = client.get(url + "/hello")
    posted = client.post(url + "/echo", content="a=1")
    blocked = client.post(url + "/echo", content="a=1", headers={"X-Data-Class": "health"})
print(
    json.dumps(
        {
            "got": [got.status_code, got.text],
            "posted": [posted.status_code, posted.text],
            "blocked": [blocked.status_code, blocked.json()["rule"]],
            "versions": [answer.http_version for answer in (got, posted, blocked)],
        }
    )
)
