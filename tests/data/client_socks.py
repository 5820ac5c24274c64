"""Names are left to the proxy (socks5h), or resolved here (socks5)."""

import json
import os

import requests
import socks

proxy = os.environ["BENCH_PROXY"].removeprefix("http://")
seen = {}
for scheme in ["socks5", "socks5h"]:
    session = requests.Session()
    session.trust_env = False
    session.verify = os.environ["BENCH_CA"]
    session.proxies = {"http": f"{scheme}://{proxy}", "https": f"{scheme}://{proxy}"}
    answer = session.get(os.environ["BENCH_PLAIN"], timeout=60)
    seen[scheme] = [answer.status_code, answer.text]
    if scheme == "socks5h":
        answer = session.get(os.environ["BENCH_SECURE"], timeout=60)
        seen["secure"] = [answer.status_code, answer.text]

host, port = proxy.rsplit(":", 1)
client = socks.socksocket()
client.settimeout(60)
client.set_proxy(socks.SOCKS5, host, int(port), rdns=True)
target = os.environ["BENCH_ABROAD"].removeprefix("http://").rsplit(":", 1)
try:
    client.connect((target[0], int(target[1])))
    seen["blocked"] = "connected"
except socks.ProxyError as error:
    seen["blocked"] = str(error.socket_err)
print(json.dumps(seen))
