import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URL;
import java.util.Collections;
import java.util.Hashtable;
import javax.naming.directory.DirContext;
import javax.naming.directory.InitialDirContext;

/**
 * Visits URLs by proxies whose names JNDI's own client resolves; as crawl.py:
 * java -Dhttp.keepAlive=false Crawl.java SERVER ADDRESS HOST:PORT,HOST:PORT URL...
 */
class Crawl {
  public static void main(String[] arguments) throws Exception {
    Hashtable<String, String> environment = new Hashtable<>();
    environment.put("java.naming.factory.initial",
                    "com.sun.jndi.dns.DnsContextFactory");
    environment.put("java.naming.provider.url", "dns://" + arguments[0]);
    DirContext server = new InitialDirContext(environment);
    InetAddress address = InetAddress.getByName(arguments[1]);
    for (int i = 3; i < arguments.length; ++i) {
      for (String proxy : arguments[2].split(",")) {
        String[] name = proxy.split(":");
        var found = server.getAttributes(name[0], new String[] {"A"}).get("A");
        if (!Collections.list(found.getAll()).contains(arguments[1])) {
          throw new Exception(name[0] + ": " + found);
        }
        var connection = (HttpURLConnection) new URL(arguments[i]).openConnection(
            new Proxy(Proxy.Type.HTTP,
                      new InetSocketAddress(address, Integer.parseInt(name[1]))));
        int size = connection.getInputStream().readAllBytes().length;
        System.out.println(connection.getResponseCode() + " " + size);
      }
    }
  }
}
