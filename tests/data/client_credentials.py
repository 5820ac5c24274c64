"""What a program with `requests` sees by credentials, as one JSON object."""

import json
import os

import requests


def ask(proxy, url, **more):
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": proxy, "https": proxy}
        try:
            return session.get(url, timeout=60, **more).status_code
        except requests.exceptions.ProxyError as error:
            return str(error)


address = os.environ["BENCH_PROXY"]
right, wrong, bare = (f"http://{who}{address}" for who in ("ann:s3cret%3A%C3%BC@", "ann:no@", ""))
plain, secure = os.environ["BENCH_PLAIN"], os.environ["BENCH_SECURE"]
trust = {"verify": os.environ["BENCH_CA"]}
print(
    json.dumps(
        {
            "plain": [ask(proxy, plain) for proxy in (right, wrong, bare)],
            "secure": ask(right, secure, **trust),
            "refused": ask(wrong, secure, **trust),
        }
    )
)
