// Package virt is the libvirt broker: the one way by which tasks, scripts and
// the command line reach virtual machines.
//
// Operations lists what can be asked, as data: parameters, results, whether it
// reads or changes, how dangerous it is. A Broker carries one request through
// the same steps whoever asks: arguments → verdict → audit → rate and
// concurrency → call with a timeout that ends → audit. What is judged, recorded
// and called is handed in (Judge, Auditor, Driver), so the package knows no
// policy document, no Temporal and no libvirt: package driver runs the C
// library in processes of its own, package libvirt talks to it there.
package virt
