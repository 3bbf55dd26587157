// Go's gorilla/websocket as its examples write an echo server; a broadcast goes out as a PreparedMessage.
// See ../side-channel.mjs for the lines that it answers.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/gorilla/websocket"
)

type workload struct {
	Deflate *struct{ Level int }
	Tls     *struct{ CertFile, KeyFile string }
}

var asked workload
var upgrader = websocket.Upgrader{}

var mutex sync.Mutex
var subscribers = map[*websocket.Conn]bool{}

func upgrade(writer http.ResponseWriter, request *http.Request) *websocket.Conn {
	connection, err := upgrader.Upgrade(writer, request, nil)
	if err != nil {
		return nil
	}
	if asked.Deflate != nil {
		connection.SetCompressionLevel(asked.Deflate.Level)
	}
	return connection
}

func echo(writer http.ResponseWriter, request *http.Request) {
	connection := upgrade(writer, request)
	if connection == nil {
		return
	}
	defer connection.Close()
	for {
		messageType, message, err := connection.ReadMessage()
		if err != nil || connection.WriteMessage(messageType, message) != nil {
			return
		}
	}
}

func subscribe(writer http.ResponseWriter, request *http.Request) {
	connection := upgrade(writer, request)
	if connection == nil {
		return
	}
	defer connection.Close()
	mutex.Lock()
	subscribers[connection] = true
	mutex.Unlock()
	for {
		if _, _, err := connection.ReadMessage(); err != nil {
			break
		}
	}
	mutex.Lock()
	delete(subscribers, connection)
	mutex.Unlock()
}

func publish(writer http.ResponseWriter, request *http.Request) {
	connection := upgrade(writer, request)
	if connection == nil {
		return
	}
	defer connection.Close()
	for {
		messageType, message, err := connection.ReadMessage()
		if err != nil {
			return
		}
		prepared, err := websocket.NewPreparedMessage(messageType, message)
		if err != nil {
			return
		}
		mutex.Lock()
		for subscriber := range subscribers {
			subscriber.WritePreparedMessage(prepared)
		}
		mutex.Unlock()
	}
}

func say(answer map[string]interface{}) {
	line, _ := json.Marshal(answer)
	fmt.Println(string(line))
}

func sample() map[string]interface{} {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	var size, resident int64
	statm, _ := os.ReadFile("/proc/self/statm")
	fmt.Sscan(string(statm), &size, &resident)
	return map[string]interface{}{
		"userMicros":    used.Utime.Sec*1e6 + used.Utime.Usec,
		"systemMicros":  used.Stime.Sec*1e6 + used.Stime.Usec,
		"residentBytes": resident * int64(os.Getpagesize()),
	}
}

func main() {
	if last := os.Args[len(os.Args)-1]; strings.HasPrefix(last, "{") {
		if err := json.Unmarshal([]byte(last), &asked); err != nil {
			panic(err)
		}
	}
	upgrader.EnableCompression = asked.Deflate != nil
	http.HandleFunc("/", echo)
	http.HandleFunc("/subscribe", subscribe)
	http.HandleFunc("/publish", publish)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		if asked.Tls != nil {
			panic(http.ServeTLS(listener, nil, asked.Tls.CertFile, asked.Tls.KeyFile))
		}
		panic(http.Serve(listener, nil))
	}()
	say(map[string]interface{}{
		"name":    "gorilla/websocket",
		"version": os.Getenv("GORILLA_VERSION"),
		"runtime": "Go " + strings.TrimPrefix(runtime.Version(), "go"),
		"speaks":  "websocket",
		"port":    listener.Addr().(*net.TCPAddr).Port,
	})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if lines.Text() == "sample" {
			say(sample())
		} else {
			say(map[string]interface{}{"error": "unknown command " + lines.Text()})
		}
	}
}
