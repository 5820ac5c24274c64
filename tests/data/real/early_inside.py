"""An answer over HTTP/2 before the body has been sent: read to its end, with what ends the stream."""

import json

import h2.events
from tunnelled import Client

client = Client()
stream = client.h2.get_next_available_stream_id()
fields = [(":method", "POST"), (":scheme", "https"), (":path", "/"), (":authority", client.authority)]
client.h2.send_headers(stream, fields)
client.h2.send_data(stream, b"x" * 16384)
client.flush()
status = dict(client.wait(h2.events.ResponseReceived).headers)[":status"]
text = client.wait(h2.events.DataReceived).data.decode()
client.wait(h2.events.StreamEnded)
# The rest is not wanted, and that is no error (RFC 9113 section 8.1).
reset = client.wait(h2.events.StreamReset)
print(json.dumps({"status": status, "text": text, "reset": int(reset.error_code)}))
