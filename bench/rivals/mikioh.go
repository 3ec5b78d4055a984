package main

import (
	"log"
	"net"

	"github.com/mikioh/tcp"
	"github.com/mikioh/tcpinfo"
)

// As in the example of its documentation.
func prepareMikioh(conn *net.TCPConn) (func(), error) {
	tc, err := tcp.NewConn(conn)
	if err != nil {
		return nil, err
	}
	var option tcpinfo.Info
	var bytes [256]byte
	return func() {
		got, err := tc.Option(option.Level(), option.Name(), bytes[:])
		if err != nil {
			log.Fatal(err)
		}
		sink = got.(*tcpinfo.Info)
	}, nil
}

var sink *tcpinfo.Info

func init() { readers["mikioh/tcpinfo"] = prepareMikioh }
