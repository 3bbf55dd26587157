// The interop peer over the JDK's java.net.http, which has a WebSocket client and no server.
// See test/interop/README.md for the contract (arguments, observations, commands).

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public final class Peer {
  public static void main(String[] arguments) throws Exception {
    if (!arguments[0].equals("client")) throw new IllegalArgumentException("java.net.http has no WebSocket server");
    HttpClient.Builder builder = HttpClient.newBuilder();
    if (arguments.length == 3) builder.sslContext(trusting(arguments[2]));
    HttpClient client = builder.build();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] fields = line.split("\t", -1);
      Conversation conversation = new Conversation(fields[0]);
      WebSocket.Builder dialer = client.newWebSocketBuilder();
      if (!fields[2].isEmpty()) {
        String[] protocols = fields[2].split(",");
        dialer.subprotocols(protocols[0], Arrays.copyOfRange(protocols, 1, protocols.length));
      }
      try {
        dialer.buildAsync(URI.create(fields[1]), conversation).join();
        conversation.ended.join();
      } catch (CompletionException failure) {
        if (failure.getCause() instanceof WebSocketHandshakeException refusal) {
          observe(fields[0], "refused", ",\"status\":" + refusal.getResponse().statusCode());
        } else {
          observe(fields[0], "error", ",\"message\":" + quoted(String.valueOf(failure.getCause())));
        }
      }
    }
    System.exit(0);
  }

  private static final class Conversation implements WebSocket.Listener {
    final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final String id;
    private final StringBuilder text = new StringBuilder();
    private final ByteArrayOutputStream binary = new ByteArrayOutputStream();
    // The API allows one send at a time: each waits for the one before it.
    private CompletableFuture<?> sending = CompletableFuture.completedFuture(null);
    private int fragments = 1;

    Conversation(String id) {
      this.id = id;
    }

    @Override
    public void onOpen(WebSocket socket) {
      observe(id, "open", ",\"protocol\":" + quoted(socket.getSubprotocol()));
      socket.request(1);
    }

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean isLast) {
      text.append(part);
      if (isLast) {
        String message = text.toString();
        text.setLength(0);
        if (message.startsWith("!")) obey(socket, message.substring(1).split(" ", 3));
        else echo(socket, message);
      }
      socket.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer part, boolean isLast) {
      byte[] bytes = new byte[part.remaining()];
      part.get(bytes);
      binary.writeBytes(bytes);
      if (isLast) {
        byte[] message = binary.toByteArray();
        binary.reset();
        echo(socket, message);
      }
      socket.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onPong(WebSocket socket, ByteBuffer payload) {
      observe(id, "pong", ",\"payload\":" + quoted(StandardCharsets.UTF_8.decode(payload).toString()));
      socket.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
      observe(id, "close", ",\"code\":" + code + ",\"reason\":" + quoted(reason));
      ended.complete(null);
      return null;
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
      observe(id, "error", ",\"message\":" + quoted(error.toString()));
      ended.complete(null);
    }

    private void obey(WebSocket socket, String[] words) {
      switch (words[0]) {
        case "fragments" -> fragments = Integer.parseInt(words[1]);
        case "ping" -> then(() -> socket.sendPing(ByteBuffer.wrap(words[1].getBytes(StandardCharsets.UTF_8))));
        case "close" -> then(() -> socket.sendClose(Integer.parseInt(words[1]), words[2]));
        default -> throw new IllegalArgumentException(words[0]);
      }
    }

    private void echo(WebSocket socket, String message) {
      observeMessage("text", message.getBytes(StandardCharsets.UTF_8));
      int size = Math.max(1, (message.length() + fragments - 1) / fragments);
      fragments = 1;
      int from = 0;
      do {
        int to = Math.min(message.length(), from + size);
        // A fragment given as text has to hold whole characters.
        if (to < message.length() && Character.isLowSurrogate(message.charAt(to))) to += 1;
        String piece = message.substring(from, to);
        boolean isLast = to == message.length();
        then(() -> socket.sendText(piece, isLast));
        from = to;
      } while (from < message.length());
    }

    private void echo(WebSocket socket, byte[] message) {
      observeMessage("binary", message);
      int size = Math.max(1, (message.length + fragments - 1) / fragments);
      fragments = 1;
      int from = 0;
      do {
        int to = Math.min(message.length, from + size);
        ByteBuffer piece = ByteBuffer.wrap(message, from, to - from);
        boolean isLast = to == message.length;
        then(() -> socket.sendBinary(piece, isLast));
        from = to;
      } while (from < message.length);
    }

    private void then(java.util.function.Supplier<CompletableFuture<WebSocket>> send) {
      sending = sending.thenCompose(ignored -> send.get());
      sending.exceptionally(error -> {
        observe(id, "error", ",\"message\":" + quoted(error.toString()));
        return null;
      });
    }

    private void observeMessage(String type, byte[] data) {
      try {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(data);
        observe(id, "message", ",\"type\":\"" + type + "\",\"bytes\":" + data.length
            + ",\"sha256\":\"" + HexFormat.of().formatHex(digest) + "\"");
      } catch (java.security.NoSuchAlgorithmException error) {
        throw new IllegalStateException(error);
      }
    }
  }

  private static synchronized void observe(String id, String event, String rest) {
    byte[] line = ("{\"id\":" + quoted(id) + ",\"event\":\"" + event + "\"" + rest + "}\n").getBytes(StandardCharsets.UTF_8);
    System.out.write(line, 0, line.length);
    System.out.flush();
  }

  private static String quoted(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (char character : text.toCharArray()) {
      if (character == '"' || character == '\\') json.append('\\').append(character);
      else if (character < ' ') json.append(String.format("\\u%04x", (int) character));
      else json.append(character);
    }
    return json.append('"').toString();
  }

  private static SSLContext trusting(String file) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream pem = new FileInputStream(file)) {
      store.setCertificateEntry("peer", CertificateFactory.getInstance("X.509").generateCertificate(pem));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }
}
