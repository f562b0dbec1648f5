// Arguments: host and port of the proxy, then URLs to fetch.

import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URL;

class Crawl {
  public static void main(String[] arguments) throws Exception {
    var proxy =
        new Proxy(
            Proxy.Type.HTTP,
            new InetSocketAddress(arguments[0], Integer.parseInt(arguments[1])));
    long bytes = 0;
    for (int i = 2; i < arguments.length; ++i) {
      var connection = (HttpURLConnection) new URL(arguments[i]).openConnection(proxy);
      try (InputStream body = connection.getInputStream()) {
        bytes += body.readAllBytes().length;
      }
      connection.disconnect();
    }
    System.out.println(bytes);
  }
}
