"""A collector of OpenTelemetry over HTTP and JSON that believes nothing: every body is read into the
official protobuf messages, and what the JSON encoding of OTLP asks beyond that is checked.

    otlp_collector.py [ANSWERS]

ANSWERS is a JSON list of what the first requests are answered with: {"status": 503, "fields": {...}}.
Whatever has `poison` in a record is answered 400, and of what has `stale` that is left out.
Prints lines of JSON: the port, then every request.
"""

import base64
import gzip
import http.server
import json
import re
import sys
import threading

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

KINDS = {
    "/base/v1/logs": (
        logs.ExportLogsServiceRequest,
        logs.ExportLogsServiceResponse,
        ("resourceLogs", "scopeLogs", "logRecords"),
        "rejectedLogRecords",
    ),
    "/base/v1/metrics": (
        metrics.ExportMetricsServiceRequest,
        metrics.ExportMetricsServiceResponse,
        ("resourceMetrics", "scopeMetrics", "metrics"),
        "rejectedDataPoints",
    ),
    "/base/v1/traces": (
        traces.ExportTraceServiceRequest,
        traces.ExportTraceServiceResponse,
        ("resourceSpans", "scopeSpans", "spans"),
        "rejectedSpans",
    ),
}
HEX = {"traceId": 32, "spanId": 16, "parentSpanId": 16}
TEXT = re.compile(r"-?(0|[1-9][0-9]*)")
# 64-bit numbers are text; enumerations are numbers and not names.
LONG = {"intValue", "timeUnixNano", "observedTimeUnixNano", "startTimeUnixNano",
        "endTimeUnixNano", "asInt", "count"}
NUMBER = {"severityNumber", "kind", "aggregationTemporality", "flags"}
LONGS = {"bucketCounts"}


def checked(value, name=""):
    """The value with ids as protobuf's own JSON has them."""
    if name in HEX:
        assert re.fullmatch(r"[0-9a-f]{%d}" % HEX[name], value), (name, value)
        assert value.strip("0"), (name, value)
        return base64.b64encode(bytes.fromhex(value)).decode()
    if name in LONG:
        assert isinstance(value, str) and TEXT.fullmatch(value), (name, value)
    if name in LONGS:
        assert all(isinstance(one, str) and TEXT.fullmatch(one) for one in value), (name, value)
    if name in NUMBER:
        assert type(value) is int, (name, value)
    if isinstance(value, dict):
        return {key: checked(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [checked(one) for one in value]
    return value


WRITING = threading.Lock()


class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers = json.loads(sys.argv[1]) if len(sys.argv) > 1 else []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        packed = self.headers.get("Content-Encoding") == "gzip"
        body = gzip.decompress(body) if packed else body
        request, response, path, rejected = KINDS[self.path]
        assert self.headers["Content-Type"] == "application/json", self.headers
        plain = json.loads(body)
        message = json_format.ParseDict(checked(plain), request())
        # What was not understood would be lost on the way.
        again = json_format.MessageToDict(message)
        records = [record for one in plain[path[0]] for scope in one[path[1]] for record in scope[path[2]]]
        assert len(records) == sum(len(scope[path[2]]) for one in again[path[0]] for scope in one[path[1]])
        told = {"path": self.path, "packed": packed, "fields": dict(self.headers), "records": records,
                "resource": plain[path[0]][0]["resource"], "scope": plain[path[0]][0][path[1]][0]["scope"]}
        stale = sum("stale" in json.dumps(record) for record in records)
        if self.answers:
            answer = self.answers.pop(0)
            self.reply(answer["status"], answer.get("fields", {}), "try later")
        elif any("poison" in json.dumps(record) for record in records):
            self.reply(400, {}, "this is poison")
        elif stale:
            told["status"] = 200
            partial = {"partialSuccess": {rejected: str(stale), "errorMessage": "too old"}}
            # It is an answer of the protocol, too.
            json_format.ParseDict(partial, response())
            self.reply(200, {}, json.dumps(partial))
        else:
            told["status"] = 200
            self.reply(200, {}, "{}")
        # Several are answered at once, and each is a line.
        with WRITING:
            print(json.dumps(told), flush=True)

    def reply(self, status, fields, text):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Collector)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
