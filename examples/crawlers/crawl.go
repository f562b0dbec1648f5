// A small crawler: Go's net/http through a proxy, HTTP or SOCKS5.
//
//	crawl --proxy URL [--ca FILE] [--fresh] [--upload FILE --to URL] URL...
//
// Go makes its system calls without libc: nothing that is preloaded sees them.
// Connections are kept alive, unless --fresh takes a new one for each request,
// for proxies that close theirs unannounced. Prints one line per URL: method,
// status, bytes of body, URL.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

var (
	proxy  = flag.String("proxy", "", "http://host:port or socks5h://host:port")
	ca     = flag.String("ca", "", "file of the authority to trust (PEM)")
	fresh  = flag.Bool("fresh", false, "a new connection for each request")
	upload = flag.String("upload", "", "file to send by POST")
	to     = flag.String("to", "", "URL that takes the upload")
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "crawl.go:", err)
		os.Exit(1)
	}
}

func trusted() *x509.CertPool {
	if *ca == "" {
		return nil
	}
	text, err := os.ReadFile(*ca)
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

func transport() *http.Transport {
	by, err := url.Parse(*proxy)
	check(err)
	if by.Scheme == "socks5h" {
		by.Scheme = "socks5" // Go always has the proxy resolve.
	}
	return &http.Transport{
		Proxy:             http.ProxyURL(by),
		DisableKeepAlives: *fresh,
		TLSClientConfig:   &tls.Config{RootCAs: trusted()},
	}
}

func fetch(client *http.Client, method, address string, body []byte) {
	request, err := http.NewRequest(method, address, bytes.NewReader(body))
	check(err)
	response, err := client.Do(request)
	check(err)
	// To its end: only then may the connection be used again.
	size, err := io.Copy(io.Discard, response.Body)
	check(err)
	check(response.Body.Close())
	fmt.Println(method, response.StatusCode, size, address)
}

func main() {
	flag.Parse()
	client := http.Client{Transport: transport()}
	for _, address := range flag.Args() {
		fetch(&client, "GET", address, nil)
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	for _, address := range flag.Args() {
		fetch(&client, "HEAD", address, nil)
	}
	if *upload != "" {
		body, err := os.ReadFile(*upload)
		check(err)
		fetch(&client, "POST", *to, body)
	}
	client.CloseIdleConnections()
}
