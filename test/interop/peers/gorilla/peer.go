// The interop peer over Go's gorilla/websocket: an echo endpoint in either role.
// See test/interop/README.md for the contract (arguments, observations, commands).
package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

var subprotocols = []string{"echo.v1"}

type observation map[string]interface{}

var stdout sync.Mutex

func observe(what observation) {
	line, err := json.Marshal(what)
	if err != nil {
		log.Fatal(err)
	}
	stdout.Lock()
	defer stdout.Unlock()
	fmt.Println(string(line))
}

func converse(conn *websocket.Conn, id string) {
	defer conn.Close()
	observe(observation{"id": id, "event": "open", "protocol": conn.Subprotocol()})
	conn.SetPongHandler(func(payload string) error {
		observe(observation{"id": id, "event": "pong", "payload": payload})
		return nil
	})
	fragments := 1
	for {
		messageType, data, err := conn.ReadMessage()
		if err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				observe(observation{"id": id, "event": "close", "code": closed.Code, "reason": closed.Text})
			} else {
				observe(observation{"id": id, "event": "error", "message": err.Error()})
			}
			return
		}
		if messageType == websocket.TextMessage && len(data) > 0 && data[0] == '!' {
			words := strings.SplitN(string(data[1:]), " ", 3)
			err = nil
			switch words[0] {
			case "fragments":
				fragments, err = strconv.Atoi(words[1])
			case "plain":
				conn.EnableWriteCompression(false)
			case "ping":
				err = conn.WriteControl(websocket.PingMessage, []byte(words[1]), time.Time{})
			case "close":
				var code int
				if code, err = strconv.Atoi(words[1]); err == nil {
					body := websocket.FormatCloseMessage(code, words[2])
					err = conn.WriteControl(websocket.CloseMessage, body, time.Time{})
				}
			}
		} else {
			name := "binary"
			if messageType == websocket.TextMessage {
				name = "text"
			}
			observe(observation{
				"id": id, "event": "message", "type": name,
				"bytes": len(data), "sha256": fmt.Sprintf("%x", sha256.Sum256(data)),
			})
			err = echo(conn, messageType, data, fragments)
			fragments = 1
			conn.EnableWriteCompression(true)
		}
		if err != nil {
			observe(observation{"id": id, "event": "error", "message": err.Error()})
			return
		}
	}
}

// A writer sends a frame whenever its buffer (4 KiB) is full, and as a server also for each large piece:
// fragments cannot be made smaller than that.
func echo(conn *websocket.Conn, messageType int, data []byte, fragments int) error {
	if fragments == 1 {
		return conn.WriteMessage(messageType, data)
	}
	writer, err := conn.NextWriter(messageType)
	if err != nil {
		return err
	}
	size := (len(data) + fragments - 1) / fragments
	for len(data) > 0 {
		if size > len(data) {
			size = len(data)
		}
		if _, err = writer.Write(data[:size]); err != nil {
			return err
		}
		data = data[size:]
	}
	return writer.Close()
}

// The library negotiates deflate without context takeover and without windows, or not at all.
func isDeflated(setting string) bool {
	return strings.HasPrefix(setting, "permessage-deflate")
}

func serve(certificate string, key string, deflate string) {
	upgrader := websocket.Upgrader{Subprotocols: subprotocols, EnableCompression: isDeflated(deflate)}
	http.HandleFunc("/echo/", func(response http.ResponseWriter, request *http.Request) {
		conn, err := upgrader.Upgrade(response, request, nil)
		id := strings.TrimPrefix(request.URL.Path, "/echo/")
		if err != nil {
			observe(observation{"id": id, "event": "error", "message": err.Error()})
			return
		}
		converse(conn, id)
	})
	http.HandleFunc("/refuse/", func(response http.ResponseWriter, _ *http.Request) {
		http.Error(response, "not here", http.StatusForbidden)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	observe(observation{"port": listener.Addr().(*net.TCPAddr).Port})
	go func() {
		if certificate != "" {
			log.Fatal(http.ServeTLS(listener, nil, certificate, key))
		}
		log.Fatal(http.Serve(listener, nil))
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func dial(authority string) {
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second}
	if authority != "" {
		pem, err := os.ReadFile(authority)
		if err != nil {
			log.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		dialer.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		own := dialer
		own.EnableCompression = isDeflated(fields[3])
		if fields[2] != "" {
			own.Subprotocols = strings.Split(fields[2], ",")
		}
		go meet(own, fields[0], fields[1])
	}
}

func meet(dialer websocket.Dialer, id string, url string) {
	conn, response, err := dialer.Dial(url, nil)
	if err == nil {
		converse(conn, id)
	} else if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
		observe(observation{"id": id, "event": "refused", "status": response.StatusCode})
	} else {
		observe(observation{"id": id, "event": "error", "message": err.Error()})
	}
}

func main() {
	flags := flag.NewFlagSet("peer", flag.ExitOnError)
	certificate := flags.String("cert", "", "certificate of the server")
	key := flags.String("key", "", "its key")
	deflate := flags.String("deflate", "", "what the server does of permessage-deflate")
	authority := flags.String("ca", "", "certificate that the client trusts")
	_ = flags.Parse(os.Args[2:])
	if os.Args[1] == "server" {
		serve(*certificate, *key, *deflate)
	} else {
		dial(*authority)
	}
}
