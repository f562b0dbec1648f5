// Opens a tunnel by a proxy and holds it until standard input ends. Usage: hold
// TARGET HOST:PORT. Says "PID SENT RECEIVED" when it is open.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	connection, err := net.Dial("tcp", os.Args[2])
	check(err)
	sent, err := fmt.Fprintf(connection, "CONNECT %s HTTP/1.1\r\n\r\n", os.Args[1])
	check(err)
	reader := bufio.NewReader(connection)
	received := 0
	for line := ""; line != "\r\n"; received += len(line) {
		line, err = reader.ReadString('\n')
		check(err)
	}
	fmt.Println(os.Getpid(), sent, received)
	_, err = io.ReadAll(os.Stdin)
	check(err)
}
