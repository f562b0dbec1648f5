import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * A small crawler: Java's HttpClient through an HTTP proxy.
 *
 * <p>java Crawl.java --proxy URL [--ca FILE] [--upload FILE --to URL] URL...
 *
 * <p>Java brings its own TLS: what is asked inside it is inferred. Connections are
 * kept alive, and a request is made again when one is found closed. Prints one line
 * per URL: method, status, bytes of body, URL. Redirects are shown, not followed.
 */
final class Crawl {
  private static final class Arguments {
    URI proxy;
    Path ca;
    Path upload;
    URI to;
    final List<URI> urls = new ArrayList<>();

    Arguments(String[] given) {
      for (int i = 0; i < given.length; ++i) {
        switch (given[i]) {
          case "--proxy" -> proxy = URI.create(given[++i]);
          case "--ca" -> ca = Path.of(given[++i]);
          case "--upload" -> upload = Path.of(given[++i]);
          case "--to" -> to = URI.create(given[++i]);
          default -> urls.add(URI.create(given[i]));
        }
      }
      if (proxy == null || urls.isEmpty()) {
        throw new IllegalArgumentException("give --proxy URL, and URLs to fetch");
      }
    }
  }

  private static SSLContext trusting(Path ca) throws Exception {
    if (ca == null) {
      return SSLContext.getDefault();
    }
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (var file = Files.newInputStream(ca)) {
      var authority = CertificateFactory.getInstance("X.509").generateCertificate(file);
      store.setCertificateEntry("authority", authority);
    }
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  private static void fetch(HttpClient client, String method, URI url, BodyPublisher body)
      throws Exception {
    HttpRequest request = HttpRequest.newBuilder(url).method(method, body).build();
    HttpResponse<byte[]> response = client.send(request, BodyHandlers.ofByteArray());
    System.out.println(
        method + " " + response.statusCode() + " " + response.body().length + " " + url);
  }

  public static void main(String[] given) throws Exception {
    Arguments arguments = new Arguments(given);
    var address =
        InetSocketAddress.createUnresolved(
            arguments.proxy.getHost(), arguments.proxy.getPort());
    HttpClient client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .proxy(ProxySelector.of(address))
            .sslContext(trusting(arguments.ca))
            .build();
    for (String method : List.of("GET", "HEAD")) {
      for (URI url : arguments.urls) {
        fetch(client, method, url, BodyPublishers.noBody());
      }
    }
    if (arguments.upload != null) {
      fetch(client, "POST", arguments.to, BodyPublishers.ofFile(arguments.upload));
    }
  }
}
