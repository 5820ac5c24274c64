"""What a program with `httpx` sees through the proxy, as one JSON object."""

import json
import os
import ssl

import httpx

context = ssl.create_default_context(cafile=os.environ["BENCH_CA"])
with httpx.Client(
    proxy=os.environ["BENCH_PROXY"], verify=context, trust_env=False, timeout=60
) as client:
    plain = client.get(os.environ["BENCH_PLAIN"])
    posted = client.post(os.environ["BENCH_PLAIN"], content="a=1")
    secure = client.get(os.environ["BENCH_SECURE"])
    blocked = client.get(os.environ["BENCH_ABROAD"], headers={"X-Data-Class": "health"})
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
