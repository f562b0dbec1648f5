// Fetches with net/http and crypto/tls. Metered only when built by gccgo, whose
// run-time calls the C library.
//
// fetch KIND PROXY-ADDRESS PROXY-PORT CA BASE-URL AT-ONCE PLAN VERSION
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	kind, base := os.Args[1], os.Args[5]
	proxy := &url.URL{Scheme: "http", Host: os.Args[2] + ":" + os.Args[3]}
	pem, err := os.ReadFile(os.Args[4])
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	atOnce, err := strconv.Atoi(os.Args[6])
	check(err)
	version := uint16(tls.VersionTLS13)
	if os.Args[8] == "1.2" {
		version = tls.VersionTLS12
	}
	transport := &http.Transport{
		Proxy:               http.ProxyURL(proxy),
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: version, MaxVersion: version},
		ForceAttemptHTTP2:   kind == "http2",
		MaxIdleConnsPerHost: 1,
	}
	client := &http.Client{Transport: transport}
	text, err := os.ReadFile(os.Args[7])
	check(err)
	fetch := func(line string) {
		words := strings.Fields(line)
		var body io.Reader
		if words[0] == "POST" {
			size, err := strconv.Atoi(words[2])
			check(err)
			body = bytes.NewReader(make([]byte, size))
		}
		request, err := http.NewRequest(words[0], base+words[1], body)
		check(err)
		response, err := client.Do(request)
		check(err)
		_, err = io.Copy(io.Discard, response.Body)
		check(err)
		response.Body.Close()
		fmt.Println(response.StatusCode)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	// The first one alone, so that the others find its connection.
	fetch(lines[0])
	for i := 1; i < len(lines); i += atOnce {
		var group sync.WaitGroup
		for j := i; j < len(lines) && j < i+atOnce; j++ {
			group.Add(1)
			go func(line string) {
				defer group.Done()
				fetch(line)
			}(lines[j])
		}
		group.Wait()
	}
	transport.CloseIdleConnections()
}
