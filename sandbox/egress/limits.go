package egress

import (
	"cmp"
	"time"
)

// Limits bound what one sandbox may ask of the worker. Zero fields are DefaultLimits'.
type Limits struct {
	Connections int64         // open at a time
	PerRun      int           // over the whole run, since each is recorded
	Names       int           // that the DNS stub answers for
	Head        int           // bytes of a request's head, or of a TLS ClientHello
	HeadTime    time.Duration // from the connection, or what came before, to the end of that
	Dial        time.Duration // to resolve and to connect
	Idle        time.Duration // without a byte in either direction
	Total       time.Duration // of one connection; negative means as long as the run
	Bytes       int64         // both ways, over the whole run; 0 means any number
	Rate        int64         // bytes a second, both ways and of all connections together; 0 means any
}

// DefaultLimits are enough for an ordinary script.
var DefaultLimits = Limits{
	Connections: 64,
	PerRun:      10_000,
	Names:       1_000,
	Head:        32 << 10,
	HeadTime:    10 * time.Second,
	Dial:        10 * time.Second,
	Idle:        2 * time.Minute,
	Total:       -1,
}

func (l Limits) orDefaults() Limits {
	d := DefaultLimits
	return Limits{
		Connections: cmp.Or(l.Connections, d.Connections),
		PerRun:      cmp.Or(l.PerRun, d.PerRun),
		Names:       cmp.Or(l.Names, d.Names),
		Head:        cmp.Or(l.Head, d.Head),
		HeadTime:    cmp.Or(l.HeadTime, d.HeadTime),
		Dial:        cmp.Or(l.Dial, d.Dial),
		Idle:        cmp.Or(l.Idle, d.Idle),
		Total:       cmp.Or(l.Total, d.Total),
		Bytes:       l.Bytes,
		Rate:        l.Rate,
	}
}
