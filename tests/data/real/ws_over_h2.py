"""WebSocket over a stream of HTTP/2 (RFC 8441), by the `h2` and `wsproto` packages."""

import json
import os
import socket
import ssl
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import h2.settings
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage


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
                if isinstance(event, h2.events.DataReceived):
                    length = event.flow_controlled_length
                    if length:
                        self.h2.acknowledge_received_data(length, event.stream_id)
                self.events.append(event)
            self.flush()

    def open(self, *more):
        stream = self.h2.get_next_available_stream_id()
        fields = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", "/chat"),
            (":authority", self.authority),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "chat"),
            *more,
        ]
        self.h2.send_headers(stream, fields)
        self.flush()
        return stream, dict(self.wait(h2.events.ResponseReceived).headers)

    def send(self, stream, data):
        while data:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if not room:
                self.wait(h2.events.WindowUpdated)
                continue
            self.h2.send_data(stream, data[:room])
            self.flush()
            data = data[room:]


client = Client()
enabled = client.h2.remote_settings.enable_connect_protocol
stream, answer = client.open()
seen = {"enabled": enabled, "status": answer[":status"], "protocol": answer["sec-websocket-protocol"]}
speech = Connection(ConnectionType.CLIENT)


def message():
    """The next whole message, or the close."""
    whole = None
    while True:
        for event in speech.events():
            if isinstance(event, CloseConnection):
                return event
            whole = event.data if whole is None else whole + event.data
            if event.message_finished:
                return whole
        speech.receive_data(client.wait(h2.events.DataReceived).data)


client.send(stream, speech.send(TextMessage(data="words")))
seen["text"] = message()
octets = bytes(range(256)) * 4096
client.send(stream, speech.send(BytesMessage(data=octets)))
seen["octets"] = message() == octets
client.send(stream, speech.send(CloseConnection(code=4001, reason="bye")))
closed = message()
seen["closed"] = [closed.code, closed.reason]
ended = client.wait(h2.events.StreamEnded, h2.events.StreamReset)
seen["ended"] = type(ended).__name__
client.h2.end_stream(stream)
client.flush()

stream, answer = client.open(("x-data-class", "health"))
problem = b""
while True:
    event = client.wait(h2.events.DataReceived, h2.events.StreamEnded)
    if isinstance(event, h2.events.StreamEnded):
        break
    problem += event.data
seen["blocked"] = [answer[":status"], json.loads(problem)["rule"]]
print(json.dumps(seen))
