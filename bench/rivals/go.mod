module tcpinfo-socket/bench/rivals

go 1.21

require (
	github.com/mikioh/tcp v0.0.0-20190314235350-803a9b46060c
	github.com/mikioh/tcpinfo v0.0.0-20190314235526-30a79bb1804b
)

require github.com/mikioh/tcpopt v0.0.0-20190314235656-172688c1accc // indirect
