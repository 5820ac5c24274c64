"""One connection of HTTP/2: many answers begun and not read, one more asked for beside them, then
all read to their ends."""

import json
import os

import h2.events
from tunnelled import Client


class Reader(Client):
    def __init__(self):
        self.lengths, self.ended, self.owed = {}, set(), []
        super().__init__()
        # The connection has room for all that the streams may hold, each of them 64 kB.
        self.h2.increment_flow_control_window(2**24)

    def ask(self, path):
        stream = self.h2.get_next_available_stream_id()
        fields = [(":method", "GET"), (":scheme", "https"), (":path", path)]
        self.h2.send_headers(stream, [*fields, (":authority", self.authority)], end_stream=True)
        self.flush()
        self.lengths[stream] = 0
        return stream

    def note(self, event):
        self.events.append(event)
        if isinstance(event, h2.events.DataReceived):
            self.lengths[event.stream_id] += len(event.data)
            self.owed.append((event.flow_controlled_length, event.stream_id))
        if isinstance(event, h2.events.StreamEnded):
            self.ended.add(event.stream_id)

    def read(self, *streams):
        """Reads these to their ends."""
        while not self.ended.issuperset(streams):
            for owed in [one for one in self.owed if one[1] in streams]:
                self.owed.remove(owed)
                if owed[0] and owed[1] not in self.ended:
                    self.h2.acknowledge_received_data(*owed)
            self.flush()
            self.wait(h2.events.DataReceived, h2.events.StreamEnded)


client = Reader()
size = int(os.environ["BENCH_SIZE"])
begun = [client.ask(f"/bytes/{size}") for _ in range(int(os.environ["BENCH_COUNT"]))]
# Each has come as far as it may before anything is read.
while any(client.h2.remote_flow_control_window(stream) for stream in begun):
    client.wait(h2.events.DataReceived)
beside = client.ask("/bytes/5")
client.read(beside)
held = max(client.lengths[stream] for stream in begun)
client.read(*begun)
lengths = {client.lengths[stream] for stream in begun}
print(json.dumps({"beside": client.lengths[beside], "held": held, "lengths": [*lengths]}))
