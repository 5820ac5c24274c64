"""Writes `demo-1.0-py3-none-any.whl`: the least that an installer takes."""

import base64
import hashlib
import zipfile

FILES = {
    "demo.py": "WORDS = 'from the wheel'\n",
    "demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    "demo-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}

with zipfile.ZipFile("demo-1.0-py3-none-any.whl", "w") as wheel:
    rows = ""
    for name, text in FILES.items():
        wheel.writestr(name, text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        rows += f"{name},sha256={digest.decode().rstrip('=')},{len(text)}\n"
    record = "demo-1.0.dist-info/RECORD"
    wheel.writestr(record, rows + record + ",,\n")
