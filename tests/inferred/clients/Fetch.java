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
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Fetches with HttpClient in HTTP/1 ("http1") or HTTP/2 ("http2"), or with
 * HttpURLConnection ("connection").
 *
 * <p>java Fetch KIND PROXY-ADDRESS PROXY-PORT CA BASE-URL AT-ONCE PLAN
 */
final class Fetch {
  private record Step(String method, String path, int size) {}

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

  private static HttpRequest request(String base, Step step) {
    HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(base + step.path));
    if (step.method.equals("POST")) {
      builder.POST(HttpRequest.BodyPublishers.ofByteArray(new byte[step.size]));
    }
    return builder.build();
  }

  private static void byClient(
      HttpClient.Version version,
      InetSocketAddress proxy,
      SSLContext context,
      String base,
      int atOnce,
      List<Step> plan)
      throws Exception {
    HttpClient client =
        HttpClient.newBuilder()
            .version(version)
            .sslContext(context)
            .proxy(ProxySelector.of(proxy))
            .build();
    for (int i = 0; i < plan.size(); i += i == 0 ? 1 : atOnce) {
      // The first one alone, so that the others find its connection.
      int end = i == 0 ? 1 : Math.min(plan.size(), i + atOnce);
      List<CompletableFuture<HttpResponse<byte[]>>> waiting = new ArrayList<>();
      for (Step step : plan.subList(i, end)) {
        waiting.add(
            client.sendAsync(
                request(base, step), HttpResponse.BodyHandlers.ofByteArray()));
      }
      for (CompletableFuture<HttpResponse<byte[]>> one : waiting) {
        System.out.println(one.get().statusCode() + " " + one.get().uri().getPath());
      }
    }
  }

  private static void byConnection(
      InetSocketAddress proxy, SSLContext context, String base, List<Step> plan)
      throws Exception {
    HttpsURLConnection.setDefaultSSLSocketFactory(context.getSocketFactory());
    Proxy by = new Proxy(Proxy.Type.HTTP, proxy);
    for (Step step : plan) {
      HttpURLConnection connection =
          (HttpURLConnection) URI.create(base + step.path).toURL().openConnection(by);
      if (step.method.equals("POST")) {
        connection.setDoOutput(true);
        connection.setFixedLengthStreamingMode(step.size);
        try (OutputStream out = connection.getOutputStream()) {
          out.write(new byte[step.size]);
        }
      }
      int status = connection.getResponseCode();
      InputStream in =
          status < 400 ? connection.getInputStream() : connection.getErrorStream();
      in.readAllBytes();
      System.out.println(status + " " + step.path);
    }
  }

  public static void main(String[] arguments) throws Exception {
    InetSocketAddress proxy =
        new InetSocketAddress(arguments[1], Integer.parseInt(arguments[2]));
    SSLContext context = trusting(arguments[3]);
    List<Step> plan = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of(arguments[6]))) {
      String[] words = line.split(" ");
      plan.add(new Step(words[0], words[1], Integer.parseInt(words[2])));
    }
    int atOnce = Integer.parseInt(arguments[5]);
    switch (arguments[0]) {
      case "http1" -> byClient(
          HttpClient.Version.HTTP_1_1, proxy, context, arguments[4], atOnce, plan);
      case "http2" -> byClient(
          HttpClient.Version.HTTP_2, proxy, context, arguments[4], atOnce, plan);
      default -> byConnection(proxy, context, arguments[4], plan);
    }
    System.exit(0);
  }
}
