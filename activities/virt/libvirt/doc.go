// Package libvirt carries the operations of package virt out with the C library
// libvirt. It is made to run in a process of package driver: nothing else links it
// to do more than start such a process.
//
// The library is loaded when the first connection is opened (build tag
// libvirt_dlopen), so that a program with this package in it builds and starts on
// a machine without libvirt; there each operation fails with one error that says
// so. Without the tag, or without cgo, the package holds only that error.
//
// Operations that change something look first whether it is so already. Guests are
// told apart by UUID as soon as they have been found by name. A retry (Call.Retry)
// after a lost answer finds the change made and makes it no second time; where the
// state does not show it (a reboot, a reset), a mark in the guest's metadata does.
package libvirt
