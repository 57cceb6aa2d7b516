//go:build !libvirt_dlopen || !cgo

package main

import (
	"context"
	"errors"
)

func libvirtSection(context.Context, *bench) ([]*group, error) {
	return nil, errors.New("this build has no libvirt; scripts/bench builds one that has")
}
