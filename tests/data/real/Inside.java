// Java's own HttpClient, told by system properties alone: https.proxyHost, javax.net.ssl.trustStore.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Inside {
    static final String URL = System.getenv("BENCH_URL");
    static final boolean HTTP2 = "2".equals(System.getenv("BENCH_HTTP"));
    static final HttpClient CLIENT =
            HttpClient.newBuilder()
                    .version(HTTP2 ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1)
                    .build();
    static final List<String> VERSIONS = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        System.out.println("sockets".equals(System.getenv("BENCH_PLAY")) ? sockets() : requests());
    }

    static String requests() throws Exception {
        String got = ask(request("/hello").GET());
        String posted = ask(request("/echo").POST(BodyPublishers.ofString("a=1")));
        HttpRequest.Builder tagged = request("/echo").header("X-Data-Class", "health");
        String blocked = ask(tagged.POST(BodyPublishers.ofString("a=1")));
        return String.format(
                "{\"got\": %s, \"posted\": %s, \"blocked\": %s, \"versions\": \"%s\"}",
                got, posted, blocked, String.join(" ", VERSIONS));
    }

    static HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(URL + path));
    }

    /** The status, and what the answer says: of a problem its rule. */
    static String ask(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> answer = CLIENT.send(request.build(), BodyHandlers.ofString());
        VERSIONS.add(answer.version().toString());
        Matcher rule = Pattern.compile("\"rule\": \"([^\"]*)\"").matcher(answer.body());
        String said = rule.find() ? rule.group(1) : answer.body();
        return String.format("[%d, \"%s\"]", answer.statusCode(), said);
    }

    static String sockets() throws Exception {
        URI uri = URI.create(URL.replace("https:", "wss:") + "/chat");
        Listener listener = new Listener();
        WebSocket socket =
                CLIENT.newWebSocketBuilder().subprotocols("chat").buildAsync(uri, listener).join();
        socket.sendText("in ", false).join();
        socket.sendText("pieces", true).join();
        String text = listener.text.join();
        socket.sendClose(4001, "bye").join();
        int code = listener.closed.join();
        int blocked = 0;
        try {
            CLIENT.newWebSocketBuilder()
                    .header("X-Data-Class", "health")
                    .buildAsync(uri, new Listener())
                    .join();
        } catch (CompletionException error) {
            blocked = ((WebSocketHandshakeException) error.getCause()).getResponse().statusCode();
        }
        return String.format(
                "{\"protocol\": \"%s\", \"text\": \"%s\", \"code\": %d, \"blocked\": %d}",
                socket.getSubprotocol(), text, code, blocked);
    }

    static class Listener implements WebSocket.Listener {
        final CompletableFuture<String> text = new CompletableFuture<>();
        final CompletableFuture<Integer> closed = new CompletableFuture<>();
        final StringBuilder parts = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            parts.append(data);
            if (last) {
                text.complete(parts.toString());
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            closed.complete(code);
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            text.completeExceptionally(error);
            closed.completeExceptionally(error);
        }
    }
}
