// What Go's authors would write: reads of TCP_INFO, and connections and requests
// with and without a wrapper around the connection. Takes one line after the other
// from its standard input and answers each with one line; bench/rivals.mjs starts it.
//
//	rivals                             the kinds that were built in
//	open PORT                          connects the socket that is read
//	read KIND COUNT                    ns for each read
//	churn KIND PORT COUNT CONCURRENCY  connections per s, CPU time of each in µs
//	http KIND PORT COUNT CONCURRENCY   requests per s, CPU time of each in µs
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// reader prepares a read of a connection.
type reader func(*net.TCPConn) (func(), error)

// Each kind of read, and each wrapper around a connection.
var (
	readers  = map[string]reader{"go": prepareRaw}
	wrappers = map[string]func(net.Conn) net.Conn{
		"go": func(conn net.Conn) net.Conn { return conn },
	}
)

// prepareRaw makes the system call and nothing else.
func prepareRaw(conn *net.TCPConn) (func(), error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var bytes [512]byte
	var descriptor uintptr
	if err := raw.Control(func(fd uintptr) { descriptor = fd }); err != nil {
		return nil, err
	}
	return func() {
		length := uint32(len(bytes))
		_, _, errno := syscall.Syscall6(
			syscall.SYS_GETSOCKOPT, descriptor, syscall.IPPROTO_TCP,
			syscall.TCP_INFO, uintptr(unsafe.Pointer(&bytes[0])),
			uintptr(unsafe.Pointer(&length)), 0)
		if errno != 0 {
			log.Fatal(errno)
		}
	}, nil
}

var (
	socket  *net.TCPConn
	reads   = map[string]func(){}
	clients = map[string]*http.Client{}
)

// Everything dialled has the same congestion control: conniver v0.0.9 asks bbr, the
// default of some machines, a question that fails, and would take longer.
var dialer = net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
	var err error
	failure := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptString(
			int(fd), syscall.IPPROTO_TCP, syscall.TCP_CONGESTION, "cubic")
	})
	return errors.Join(failure, err)
}}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func open(port int) error {
	conn, err := dialer.Dial("tcp", address(port))
	if err != nil {
		return err
	}
	socket = conn.(*net.TCPConn)
	for kind, prepare := range readers {
		if reads[kind], err = prepare(socket); err != nil {
			return err
		}
	}
	bytes := make([]byte, 1000)
	if _, err := socket.Write(bytes); err != nil {
		return err
	}
	_, err = io.ReadFull(socket, bytes)
	return err
}

func read(kind string, count int) float64 {
	once := reads[kind]
	from := time.Now()
	for i := 0; i < count; i++ {
		once()
	}
	return float64(time.Since(from).Nanoseconds()) / float64(count)
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// repeat does it count times, some at once: how many a second, and what CPU time
// each took in microseconds.
func repeat(count, concurrency int, once func() error) (float64, float64) {
	turns := make(chan struct{}, count)
	for i := 0; i < count; i++ {
		turns <- struct{}{}
	}
	close(turns)
	cpuFrom, from := cpuTime(), time.Now()
	var group sync.WaitGroup
	for i := 0; i < concurrency; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for range turns {
				if err := once(); err != nil {
					log.Fatal(err)
				}
			}
		}()
	}
	group.Wait()
	elapsed, used := time.Since(from), cpuTime()-cpuFrom
	return float64(count) / elapsed.Seconds(),
		float64(used.Nanoseconds()) / 1000 / float64(count)
}

// connection sends, ends, waits for the other end, and closes.
func connection(kind string, port int) error {
	plain, err := dialer.Dial("tcp", address(port))
	if err != nil {
		return err
	}
	conn := wrappers[kind](plain)
	defer conn.Close()
	if _, err := conn.Write([]byte("hello")); err != nil {
		return err
	}
	// (A wrapper may not have this one.)
	if err := plain.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

// clientOf keeps its connections.
func clientOf(kind string, concurrency int) *http.Client {
	if clients[kind] == nil {
		dial := func(ctx context.Context, network, to string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, to)
			if err != nil {
				return nil, err
			}
			return wrappers[kind](conn), nil
		}
		clients[kind] = &http.Client{Transport: &http.Transport{
			DialContext:         dial,
			MaxIdleConnsPerHost: concurrency,
		}}
	}
	return clients[kind]
}

func request(client *http.Client, port int) error {
	response, err := client.Get("http://" + address(port))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func answer(line string) (string, error) {
	var verb, kind string
	var port, count, concurrency int
	fmt.Sscan(line, &verb)
	switch verb {
	case "rivals":
		kinds := []string{"go"}
		for kind := range readers {
			if kind != "go" {
				kinds = append(kinds, kind)
			}
		}
		sort.Strings(kinds[1:])
		return strings.Join(kinds, " "), nil
	case "open":
		if _, err := fmt.Sscan(line, &verb, &port); err != nil {
			return "", err
		}
		return "ok", open(port)
	case "read":
		if _, err := fmt.Sscan(line, &verb, &kind, &count); err != nil {
			return "", err
		}
		return fmt.Sprint(read(kind, count)), nil
	}
	_, err := fmt.Sscan(line, &verb, &kind, &port, &count, &concurrency)
	if err != nil {
		return "", err
	}
	once := func() error { return connection(kind, port) }
	if verb == "http" {
		client := clientOf(kind, concurrency)
		once = func() error { return request(client, port) }
	}
	rate, cpu := repeat(count, concurrency, once)
	return fmt.Sprint(rate, " ", cpu), nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		text, err := answer(lines.Text())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(text)
	}
}
