// Package driver runs a libvirt client in processes of its own, one for each
// URI, and is a virt.Driver in front of them: what crashes, hangs or is taken
// over there is one failed operation here.
//
// A Pool starts the processes from this program's own executable, whose main
// calls Serve when it finds itself started as Name. They talk in frames over one
// inherited socket: calls and cancellations go down, progress, results and errors
// come up, each with the number of its call, each of bounded size. Nothing that a
// process says is trusted further than to be the answer of the operation.
//
// A process whose call does not end with its context is retired: it gets no new
// calls, the others in it may finish, then it is killed. A process that dies is
// started again by the next call; calls that only read are repeated once by
// themselves, calls that change are reported as lost.
package driver
