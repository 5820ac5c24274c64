"""Python's own urllib: the proxy by https_proxy, trust by SSL_CERT_FILE."""

import json
import os
import urllib.error
import urllib.request

URL = os.environ["BENCH_URL"]


def ask(path, data=None, headers={}):
    request = urllib.request.Request(URL + path, data, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as refusal:
        return [refusal.code, json.load(refusal)["rule"]]


print(
    json.dumps(
        {
            "got": ask("/hello"),
            "posted": ask("/echo", b"a=1"),
            "blocked": ask("/echo", b"a=1", {"X-Data-Class": "health"}),
        }
    )
)
