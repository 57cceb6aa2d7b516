// Package virttest is what tests of the libvirt broker share: a libvirtd of their
// own, a guest that reacts to its power button, and one suite of expectations for
// every driver.
package virttest
