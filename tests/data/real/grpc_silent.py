"""Two calls of gRPC: one is silent after its first answer, the other before it. Says when, and goes
on when it is told to."""

import os
import queue

import grpc

credentials = grpc.ssl_channel_credentials()
channel = grpc.secure_channel(os.environ["BENCH_TARGET"], credentials)


class Chat:
    def __init__(self):
        self.questions = queue.Queue()
        call = channel.stream_stream("/test.Test/Chat")
        self.answers = call(iter(self.questions.get, None), timeout=60)

    def ask(self, word):
        self.questions.put(word)
        return next(self.answers).decode()

    def end(self):
        self.questions.put(None)
        return list(self.answers)


later = Chat()
paused = Chat()
print(paused.ask(b"one"), flush=True)
input()
print(paused.ask(b"two"), later.ask(b"three"), paused.end(), later.end())
