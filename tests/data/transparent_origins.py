"""Origins inside a network namespace: HTTP on 80, TLS on 443, and a greeting on 7.

Arguments: the address, and the folder of the certificate. Prints what reached it.
"""

import socket
import ssl
import sys
import threading

address, folder = sys.argv[1:]


def say(*words):
    print(*words, flush=True)


def http(stream, name):
    reader = stream.makefile("rb")
    line = reader.readline().decode().strip()
    if not line:
        return
    fields = {}
    while (field := reader.readline().decode().strip()) != "":
        key, value = field.split(":", 1)
        fields[key.lower()] = value.strip()
    say(name, line, fields.get("host"))
    body = f"{name} words".encode()
    stream.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def plain(stream):
    http(stream, "plain")


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/cert-key.pem")


def secure(stream):
    http(context.wrap_socket(stream, server_side=True), "secure")


def greet(stream):
    stream.sendall(b"220 hello\r\n")
    say("greeted", stream.recv(100))
    stream.sendall(b"221 bye\r\n")


def serve(port, script):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family)

    def one(stream):
        try:
            script(stream)
        except OSError as error:
            say("failed", port, error)
        finally:
            stream.close()

    def accept():
        while True:
            stream, _ = listener.accept()
            threading.Thread(target=one, args=(stream,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


for port, script in [(80, plain), (8080, plain), (443, secure), (7, greet)]:
    serve(port, script)
say("ready")
sys.stdin.read()
