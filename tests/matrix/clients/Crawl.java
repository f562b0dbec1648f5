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
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Crawls with HttpClient ("client") or HttpURLConnection ("connection").
 *
 * <p>java Crawl client|connection PROXY CA UPLOAD-FILE UPLOAD-URL URL...
 *
 * <p>An empty UPLOAD-FILE uploads nothing. Prints one line per URL: method,
 * status, bytes of body, URL.
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

  private static Fetcher client(URI proxy, SSLContext context) {
    HttpClient client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NORMAL)
            .sslContext(context)
            .proxy(
                ProxySelector.of(
                    InetSocketAddress.createUnresolved(proxy.getHost(), proxy.getPort())))
            .build();
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

  private static Fetcher connection(URI proxy, SSLContext context) {
    HttpsURLConnection.setDefaultSSLSocketFactory(context.getSocketFactory());
    Proxy.Type type =
        proxy.getScheme().equals("http") ? Proxy.Type.HTTP : Proxy.Type.SOCKS;
    Proxy by = new Proxy(type, new InetSocketAddress(proxy.getHost(), proxy.getPort()));
    return (url, body) -> {
      HttpURLConnection connection = (HttpURLConnection) url.toURL().openConnection(by);
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

  public static void main(String[] arguments) throws Exception {
    URI proxy = URI.create(arguments[1]);
    SSLContext context = trusting(arguments[2]);
    Fetcher fetcher =
        arguments[0].equals("client") ? client(proxy, context) : connection(proxy, context);
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
