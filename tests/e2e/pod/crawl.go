// A crawler that the library cannot enter: Go makes its own system calls.
//
// Arguments: the proxy's URL, then the URLs to fetch, one after the other over
// one connection. Prints how many bytes of bodies there were.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
)

func main() {
	proxy, err := url.Parse(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	client := &http.Client{Transport: transport}
	var bytes int64
	for _, target := range os.Args[2:] {
		response, err := client.Get(target)
		if err != nil {
			log.Fatal(err)
		}
		read, err := io.Copy(io.Discard, response.Body)
		if err != nil {
			log.Fatal(err)
		}
		response.Body.Close()
		bytes += read
	}
	transport.CloseIdleConnections()
	fmt.Println(bytes)
}
