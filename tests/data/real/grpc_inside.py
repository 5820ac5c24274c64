"""gRPC told by environment alone: https_proxy and GRPC_DEFAULT_SSL_ROOTS_FILE_PATH."""

import json
import os
import queue

import grpc

options = [("grpc.enable_http_proxy", 1), ("grpc.use_local_subchannel_pool", 1)]
channel = grpc.secure_channel(
    os.environ["BENCH_TARGET"], grpc.ssl_channel_credentials(), options
)


def call(kind, name):
    return getattr(channel, kind)("/test.Test/" + name)


def failed(call, *arguments, **named):
    """How a call fails: its code and what is said."""
    try:
        call(*arguments, timeout=60, **named)
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return None


seen = {}
unary = call("unary_unary", "Upper")
answer, done = unary.with_call(b"words", timeout=60)
seen["unary"] = answer.decode()
seen["status"] = done.code().name
trailers = dict(done.trailing_metadata())
seen["trailers"] = [trailers["x-end"], list(trailers["x-end-bin"])]
large = b"x" * 3_000_000
seen["large"] = unary(large, timeout=60) == large.upper()
seen["fails"] = failed(call("unary_unary", "Fails"), b"")

numbers = call("unary_stream", "Count")(b"100", timeout=60)
seen["server"] = sum(int(number) for number in numbers)
pieces = (b"x" * 10_000 for _ in range(100))
seen["client"] = int(call("stream_unary", "Total")(pieces, timeout=60))

# Each answer is read before the next question is asked.
questions = queue.Queue()
answers = call("stream_stream", "Chat")(iter(questions.get, None), timeout=60)
said = []
for word in (b"one", b"two", b"three"):
    questions.put(word)
    said.append(next(answers).decode())
questions.put(None)
seen["both"] = [said, list(answers)]

# The client gives up: the origin learns of it, and the connection goes on.
waiting = call("unary_unary", "Waits").future(b"")
seen["began"] = call("unary_unary", "Began")(b"", timeout=60).decode()
waiting.cancel()
seen["cancelled"] = [waiting.code().name, call("unary_unary", "Ended")(b"", timeout=60).decode()]

tagged = (("x-data-class", "health"),)
seen["blocked"] = failed(unary, b"words", metadata=tagged)
print(json.dumps(seen))
