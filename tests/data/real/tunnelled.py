"""A client of HTTP/2 by the `h2` package, through a tunnel that it opens itself."""

import os
import signal
import socket
import ssl
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events

# What never comes fails the test; nothing waits for this to pass.
signal.alarm(60)


def tunnel():
    proxy, target = urlsplit(os.environ["BENCH_PROXY"]), urlsplit(os.environ["BENCH_URL"])
    raw = socket.create_connection((proxy.hostname, proxy.port), timeout=60)
    raw.sendall(f"CONNECT {target.netloc} HTTP/1.1\r\nHost: {target.netloc}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += raw.recv(1)
    assert head.startswith(b"HTTP/1.1 200"), head
    context = ssl.create_default_context(cafile=os.environ["BENCH_CA"])
    context.set_alpn_protocols(["h2"])
    secure = context.wrap_socket(raw, server_hostname=target.hostname)
    assert secure.selected_alpn_protocol() == "h2"
    return secure, target.netloc


class Client:
    def __init__(self):
        self.secure, self.authority = tunnel()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.events = []
        self.flush()
        self.wait(h2.events.RemoteSettingsChanged)

    def flush(self):
        self.secure.sendall(self.h2.data_to_send())

    def wait(self, *kinds):
        while True:
            for index, event in enumerate(self.events):
                if isinstance(event, kinds):
                    return self.events.pop(index)
            data = self.secure.recv(65536)
            assert data, "the connection ended"
            for event in self.h2.receive_data(data):
                self.note(event)
            self.flush()

    def note(self, event):
        self.events.append(event)
        if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
