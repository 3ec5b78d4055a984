//go:build conniver

package main

import (
	"log"
	"net"
	"sync/atomic"

	"github.com/runZeroInc/conniver"
	"github.com/runZeroInc/conniver/pkg/tcpinfo"
)

// As its own wrapper does when a connection is closed.
func prepareConniver(conn *net.TCPConn) (func(), error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return func() {
		var got *tcpinfo.SysInfo
		var failure error
		err := raw.Control(func(fd uintptr) {
			got, failure = tcpinfo.GetTCPInfo(fd)
		})
		if err != nil || failure != nil {
			log.Fatal(err, failure)
		}
		infoSink = got.ToInfo()
	}, nil
}

var (
	infoSink *tcpinfo.Info
	reports  atomic.Int64
)

func init() {
	readers["conniver"] = prepareConniver
	wrappers["conniver"] = func(conn net.Conn) net.Conn {
		return conniver.WrapConn(conn, func(_ *conniver.Conn, state int) {
			if state == conniver.Closed {
				reports.Add(1)
			}
		})
	}
}
