"""A gRPC origin under a test certificate. Prints its port, then what the test waits for."""

import os
import sys
import threading
from concurrent import futures

import grpc

began = threading.Event()
cancelled = threading.Event()
peers = []


def upper(request, context):
    peers.append(context.peer())
    context.set_trailing_metadata((("x-end", "after all"), ("x-end-bin", b"\x00\xff")))
    return request.upper()


def fails(request, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now: \u00e4, 100 %")


def count(request, context):
    for number in range(int(request)):
        yield str(number).encode()


def total(requests, context):
    return str(sum(len(request) for request in requests)).encode()


def chat(requests, context):
    for request in requests:
        yield b"re: " + request


def waits(request, context):
    context.add_callback(cancelled.set)
    began.set()
    cancelled.wait(60)
    return b"too late"


def began_(request, context):
    return b"yes" if began.wait(60) else b"no"


def ended(request, context):
    """Whether the other call was cancelled, and how many connections there have been."""
    done = cancelled.wait(60)
    peers.append(context.peer())
    return f"{done} {len(set(peers))}".encode()


UNARY = grpc.unary_unary_rpc_method_handler
methods = {
    "Upper": UNARY(upper),
    "Fails": UNARY(fails),
    "Waits": UNARY(waits),
    "Began": UNARY(began_),
    "Ended": UNARY(ended),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Total": grpc.stream_unary_rpc_method_handler(total),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
}
server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Test", methods),))
with open(os.environ["BENCH_KEY"], "rb") as key, open(os.environ["BENCH_CERT"], "rb") as chain:
    credentials = grpc.ssl_server_credentials([(key.read(), chain.read())])
print(server.add_secure_port(os.environ["BENCH_ADDRESS"] + ":0", credentials), flush=True)
server.start()
# The test ends it by closing its standard input.
sys.stdin.read()
server.stop(0)
