import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.SynchronousQueue;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Crawls with HttpClient ("client", in HTTP/2 "http2"), its WebSocket ("socket")
 * or HttpURLConnection ("connection").
 *
 * <p>java Crawl client|http2|socket|connection PROXY CA UPLOAD-FILE UPLOAD-URL URL...
 *
 * <p>An empty UPLOAD-FILE uploads nothing. Prints one line per URL: method,
 * status, bytes of body, URL; of a WebSocket, whose path is the sizes of its
 * messages, the sizes of what came back.
 */
final class Crawl {
  private interface Fetcher {
    /** Status and bytes of body; a POST where there is a body to send. */
    int[] fetch(URI url, byte[] body) throws Exception;
  }

  private static SSLContext trusting(String ca) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream file = Files.newInputStream(Path.of(ca))) {
      store.setCertificateEntry(
          "lab", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  private static HttpClient client(
      URI proxy, SSLContext context, HttpClient.Version version) {
    return HttpClient.newBuilder()
            .version(version)
            .followRedirects(HttpClient.Redirect.NORMAL)
            .sslContext(context)
            .proxy(
                ProxySelector.of(
                    InetSocketAddress.createUnresolved(proxy.getHost(), proxy.getPort())))
            .build();
  }

  private static Fetcher fetcher(HttpClient client) {
    return (url, body) -> {
      HttpRequest.Builder request = HttpRequest.newBuilder(url);
      if (body != null) {
        request.POST(HttpRequest.BodyPublishers.ofByteArray(body));
      }
      HttpResponse<byte[]> response =
          client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      return new int[] {response.statusCode(), response.body().length};
    };
  }

  /** Null, and the system's properties, for a version of SOCKS: a Proxy has none. */
  private static Proxy proxyOrProperties(URI proxy) {
    String scheme = proxy.getScheme();
    if (scheme.equals("socks4") || scheme.equals("socks5")) {
      System.setProperty("socksProxyHost", proxy.getHost());
      System.setProperty("socksProxyPort", Integer.toString(proxy.getPort()));
      System.setProperty("socksProxyVersion", scheme.substring(5));
      return null;
    }
    Proxy.Type type = scheme.equals("http") ? Proxy.Type.HTTP : Proxy.Type.SOCKS;
    return new Proxy(type, new InetSocketAddress(proxy.getHost(), proxy.getPort()));
  }

  private static Fetcher connection(URI proxy, SSLContext context) {
    HttpsURLConnection.setDefaultSSLSocketFactory(context.getSocketFactory());
    Proxy by = proxyOrProperties(proxy);
    return (url, body) -> {
      HttpURLConnection connection =
          (HttpURLConnection)
              (by == null ? url.toURL().openConnection() : url.toURL().openConnection(by));
      if (body != null) {
        connection.setDoOutput(true);
        connection.setFixedLengthStreamingMode(body.length);
        try (OutputStream out = connection.getOutputStream()) {
          out.write(body);
        }
      }
      int status = connection.getResponseCode();
      InputStream in =
          status < 400 ? connection.getInputStream() : connection.getErrorStream();
      return new int[] {status, in.readAllBytes().length};
    };
  }

  /** Takes one whole message at a time. */
  private static final class Socket implements WebSocket.Listener {
    private final SynchronousQueue<Integer> sizes = new SynchronousQueue<>();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private int size;

    static void talk(HttpClient client, URI url) throws Exception {
      Socket listener = new Socket();
      WebSocket socket = client.newWebSocketBuilder().buildAsync(url, listener).join();
      for (String size : url.getPath().substring(1).split("/")) {
        socket.sendBinary(ByteBuffer.allocate(Integer.parseInt(size)), true).join();
        System.out.println(listener.sizes.take());
      }
      socket.sendClose(WebSocket.NORMAL_CLOSURE, "").join();
      listener.closed.join();
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean last) {
      size += data.remaining();
      if (last) {
        int whole = size;
        size = 0;
        try {
          sizes.put(whole);
        } catch (InterruptedException error) {
          throw new IllegalStateException(error);
        }
      }
      socket.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int status, String reason) {
      closed.complete(null);
      return null;
    }
  }

  public static void main(String[] arguments) throws Exception {
    URI proxy = URI.create(arguments[1]);
    SSLContext context = trusting(arguments[2]);
    if (arguments[0].equals("socket")) {
      Socket.talk(
          client(proxy, context, HttpClient.Version.HTTP_1_1), URI.create(arguments[5]));
      return;
    }
    Fetcher fetcher =
        switch (arguments[0]) {
          case "client" -> fetcher(client(proxy, context, HttpClient.Version.HTTP_1_1));
          case "http2" -> fetcher(client(proxy, context, HttpClient.Version.HTTP_2));
          default -> connection(proxy, context);
        };
    for (int i = 5; i < arguments.length; ++i) {
      int[] answer = fetcher.fetch(URI.create(arguments[i]), null);
      System.out.println("GET " + answer[0] + " " + answer[1] + " " + arguments[i]);
    }
    if (!arguments[3].isEmpty()) {
      byte[] body = Files.readAllBytes(Path.of(arguments[3]));
      int[] answer = fetcher.fetch(URI.create(arguments[4]), body);
      System.out.println("POST " + answer[0] + " " + answer[1] + " " + arguments[4]);
    }
  }
}
