// Package workflows is the interpreter: one durable coroutine per execution of
// a definition.
//
// Its code is deterministic. The clock is workflow.Now, randomness is drawn
// from the run's recorded id, every map is read by known keys, and effects are
// activities and child workflows. An execution's place is data, not closures: a
// tree of frames (frame.go) that the recursive run functions walk and keep up
// to date, so that a run can stop at any task boundary at any depth and go on
// as a new one.
//
// A task passes through one pipeline (task.go), its body through one switch
// (body.go), and each kind has a file of its own. Only coroutines of the one
// execution touch its state, and the SDK runs those one at a time: there are no
// locks.
package workflows
