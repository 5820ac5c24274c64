"""WebSocket over a stream of HTTP/2 (RFC 8441), by the `h2` and `wsproto` packages."""

import json

import h2.events
from tunnelled import Client
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage


class Talker(Client):
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
            # In crumbs, as browsers send them (RFC 9113 section 8.2.3).
            ("cookie", "a=1"),
            ("cookie", "b=2"),
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


client = Talker()
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
client.send(stream, speech.send(TextMessage(data="cookies")))
seen["cookies"] = json.loads(message())
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

stream, _ = client.open()
speech = Connection(ConnectionType.CLIENT)
client.send(stream, speech.send(TextMessage(data="words")))
before = message()
client.send(stream, speech.send(TextMessage(data="a card of 4111 1111 1111 1111")))
closed = message()
seen["barred"] = [before, closed.code, closed.reason.split(":")[0]]
ended = client.wait(h2.events.StreamEnded, h2.events.StreamReset)
seen["barred"].append(type(ended).__name__)
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
