package initproc

import "encoding/binary"

// Message is what a helper, pid 1 or pid 2 tells the worker: one packet on the
// control socket. The untrusted program never holds that socket.
type Message struct {
	Kind MessageKind
	A, B uint32
}

// MessageKind says what a Message's operands are.
type MessageKind uint32

// The kinds of message.
const (
	HelperFault  MessageKind = iota + 1 // A is a Stage, B an errno
	InitFault                           // A is an index in Plan.Init, B an errno
	ProgramFault                        // A is an index in Plan.Program, B an errno
	Cloned                              // carries a pidfd of pid 1, which has not begun yet
	Ready                               // carries the seccomp listener; the program waits
	Exited                              // A is the program's wait status, see wait(2)
	Sockets                             // carries the network's sockets, between Cloned and Ready
	Root                                // carries the sandbox's root directory, just before Ready
	LateFile                            // carries a file that is written when the run is known, before Sockets
)

// Stage names the step at which the helper itself failed.
type Stage uint32

// The stages.
const (
	StageReceive Stage = iota + 1
	StageDecode
	StagePipe
	StageClone
	StageUIDMap
	StageGIDMap
	StageListener
	StageSetgroups
)

var stageNames = map[Stage]string{
	StageReceive: "receive the plan", StageDecode: "decode the plan", StagePipe: "make a pipe",
	StageClone: "clone with new namespaces", StageUIDMap: "write uid_map", StageGIDMap: "write gid_map",
	StageListener: "hand over the seccomp listener", StageSetgroups: "deny setgroups",
}

func (s Stage) String() string { return stageNames[s] }

// MessageSize is the size of an encoded Message.
const MessageSize = 12

// Bytes encodes m.
func (m Message) Bytes() []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(m.Kind))
	b = binary.LittleEndian.AppendUint32(b, m.A)
	return binary.LittleEndian.AppendUint32(b, m.B)
}

// ParseMessage decodes a packet; false if it is not one.
func ParseMessage(b []byte) (Message, bool) {
	if len(b) != MessageSize {
		return Message{}, false
	}
	m := Message{MessageKind(binary.LittleEndian.Uint32(b)), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])}
	return m, m.Kind >= HelperFault && m.Kind <= LateFile
}
